"""From snapshot rows to a `ProductBatch`: titles, pictures, triples and their words as tensors."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.prepared_images import PreparedImages, prepare_images
from k3m_kg.config import ModelSettings
from k3m_kg.contracts import (
    Catalog,
    ImageEncoder,
    KnowledgeText,
    ProductBatch,
    TermTokens,
    Tokeniser,
)
from k3m_kg.lpm.title_leakage import value_spans
from k3m_kg.progress import Progress
from k3m_kg.snapshot import Snapshot

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def spoken(name: str) -> str:
    """A property's name as words: `baseColour` and `base_colour` are both `base Colour`."""
    return _CAMEL.sub(" ", name.replace("_", " "))


def _pad(rows: Sequence[Sequence[int]], longest: int) -> tuple[Tensor, Tensor]:
    """Ragged ids, cut to `longest`, as (N, L) int32 ids and bool presence, L at least 1."""
    lengths = np.fromiter((min(len(row), longest) for row in rows), np.int64, len(rows))
    width = max(1, int(lengths.max(initial=0)))
    present = np.arange(width) < lengths[:, None]
    ids = np.zeros((len(rows), width), np.int32)
    flat = [token for row in rows for token in row[:longest]]
    ids[present] = np.asarray(flat, np.int32)
    return torch.from_numpy(ids), torch.from_numpy(present)


def _tokenise_terms(
    encoder: Tokeniser, properties: Sequence[str], values: Sequence[str], longest: int
) -> TermTokens:
    property_tokens = encoder.prepare([spoken(name) for name in properties])
    value_tokens = encoder.prepare(list(values))
    return TermTokens(
        *_pad([tokens.ids for tokens in property_tokens], longest),
        *_pad([tokens.ids for tokens in value_tokens], longest),
    )


def catalog_of(
    properties: list[str],
    values: list[str],
    candidates: list[np.ndarray],
    counts: list[np.ndarray],
    encoder: Tokeniser,
    settings: ModelSettings,
) -> Catalog:
    """A catalog from its labels, the terms tokenised by a fitted encoder."""
    tokens = _tokenise_terms(encoder, properties, values, settings.max_term_tokens)
    return Catalog(properties, values, tokens, candidates, counts)


def build_catalog(snapshot: Snapshot, encoder: Tokeniser, settings: ModelSettings) -> Catalog:
    """The terms of a training snapshot, with the values that each property takes in training."""
    candidates, counts = snapshot.candidates()
    properties, values = list(snapshot.properties), list(snapshot.values)
    return catalog_of(properties, values, candidates, counts, encoder, settings)


def extend_catalog(
    base: Catalog, snapshot: Snapshot, encoder: Tokeniser, settings: ModelSettings
) -> Catalog:
    """`base` with the terms that only `snapshot` has after its own; candidates stay as trained."""
    known_properties, known_values = set(base.properties), set(base.values)
    properties = base.properties + [p for p in snapshot.properties if p not in known_properties]
    values = base.values + [v for v in snapshot.values if v not in known_values]
    if len(properties) == len(base.properties) and len(values) == len(base.values):
        return base
    empty = [np.empty(0, np.int64)] * (len(properties) - len(base.properties))
    return catalog_of(
        properties, values, base.candidates + empty, base.counts + empty, encoder, settings
    )


def batcher_of(
    snapshot: Snapshot,
    trained: Catalog,
    encoder: Tokeniser,
    image_encoder: ImageEncoder | None,
    settings: ModelSettings,
    progress: Progress | None = None,
) -> Batcher:
    """Batches of any snapshot for a trained model; unseen terms and products are welcome."""
    catalog = extend_catalog(trained, snapshot, encoder, settings)
    if image_encoder is None:
        images = PreparedImages.none(len(snapshot))
    else:
        images = prepare_images(snapshot, image_encoder, progress)
    return Batcher(snapshot, encoder, settings, catalog, images)


class Batcher:
    """Makes batches of a snapshot's products.

    Args:
        snapshot: where the products are.
        encoder: tokenises titles.
        settings: sizes; `knowledge: product` adds the knowledge text.
        catalog: the terms that ids in the batches refer to; must hold all of the snapshot's.
        images: the prepared pictures.

    The held-out triples of the snapshot never enter a batch unless `with_holdout` is set.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        encoder: Tokeniser,
        settings: ModelSettings,
        catalog: Catalog,
        images: PreparedImages,
        *,
        with_holdout: bool = False,
    ) -> None:
        self.snapshot = snapshot
        self.encoder = encoder
        self.settings = settings
        self.catalog = catalog
        self.images = images
        self.with_holdout = with_holdout
        position = {name: index for index, name in enumerate(catalog.properties)}
        self._property = np.asarray([position[p] for p in snapshot.properties], np.int64)
        position = {text: index for index, text in enumerate(catalog.values)}
        self._value = np.asarray([position[v] for v in snapshot.values], np.int64)
        self._titles: dict[int, tuple[list[int], list[tuple[int, int]]]] = {}
        tokens = catalog.tokens
        self._lengths = (
            tokens.property_present.sum(1).cpu().numpy(),
            tokens.value_present.sum(1).cpu().numpy(),
        )

    def to(self, device: torch.device) -> Batcher:
        """Move the catalog's tokens, which every batch shares, to `device`."""
        catalog = self.catalog
        self.catalog = Catalog(
            catalog.properties,
            catalog.values,
            catalog.tokens.to(device),
            catalog.candidates,
            catalog.counts,
        )
        return self

    def triples(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Product (0..len(rows)-1), property id and value id of the rows' triples, flat."""
        snapshot = self.snapshot
        start = snapshot.triple_offsets[rows]
        counts = snapshot.triple_offsets[rows + 1] - start
        product = np.repeat(np.arange(len(rows)), counts)
        before = np.cumsum(counts) - counts
        index = np.arange(counts.sum()) - before[product] + start[product]
        if not self.with_holdout:
            known = snapshot.triple_holdout[index] == 0
            product, index = product[known], index[known]
        # rank within the product, to keep the first max_triples
        first = np.searchsorted(product, np.arange(len(rows)))
        kept = np.arange(len(product)) - first[product] < self.settings.max_triples
        product, index = product[kept], index[kept]
        properties = self._property[snapshot.triple_property[index]]
        values = self._value[snapshot.triple_value[index]]
        return product.astype(np.int64), properties, values

    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> ProductBatch:
        """The products in `rows` (which may repeat), all their known triples visible.

        Args:
            random: chooses one of each product's prepared pictures; without it, the first.
        """
        rows = np.asarray(rows, np.int64)
        product, properties, values = self.triples(rows)
        ids, present, match = self._title_tensors(rows, product, values)
        index_B = self.images.choose(rows, random)
        image_product = np.flatnonzero(index_B >= 0)
        return ProductBatch(
            rows_B=torch.from_numpy(rows),
            title_ids_BT=ids,
            title_present_BT=present,
            image_arrays=self.images.tensors(index_B[image_product]),
            image_product_I=torch.from_numpy(image_product),
            image_present_B=torch.from_numpy(index_B >= 0),
            triple_product_E=torch.from_numpy(product),
            triple_property_E=torch.from_numpy(properties),
            triple_value_E=torch.from_numpy(values),
            triple_visible_E=torch.ones(len(product), dtype=torch.bool),
            title_match_ET=match,
            catalog=self.catalog,
            knowledge=(
                self._knowledge(len(rows), product, properties, values)
                if self.settings.knowledge == "product"
                else None
            ),
        )

    def title_tokens(self, rows: np.ndarray) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Ids and spans of the tokens of the rows' titles; tokenised once per row and kept."""
        missing = [row for row in set(rows.tolist()) if row not in self._titles]
        if missing:
            texts = self.snapshot.titles.take(missing).to_pylist()
            known = [(row, text) for row, text in zip(missing, texts, strict=True) if text]
            longest = self.settings.max_title_tokens
            for row in missing:
                self._titles[row] = ([], [])
            for (row, _), tokens in zip(
                known, self.encoder.prepare([text for _, text in known]), strict=True
            ):
                self._titles[row] = (tokens.ids[:longest], tokens.spans[:longest])
        return [self._titles[row] for row in rows.tolist()]

    def _title_tensors(
        self, rows: np.ndarray, product: np.ndarray, values: np.ndarray
    ) -> tuple[Tensor, Tensor, Tensor]:
        tokens = self.title_tokens(rows)
        ids, present = _pad([ids for ids, _ in tokens], self.settings.max_title_tokens)
        match = np.zeros((len(product), ids.shape[1]), bool)
        texts = self.snapshot.titles.take(rows).to_pylist()
        for triple, (owner, value) in enumerate(
            zip(product.tolist(), values.tolist(), strict=True)
        ):
            title = texts[owner]
            if not title:
                continue
            for start, end in value_spans(title, self.catalog.values[value]):
                for place, (first, last) in enumerate(tokens[owner][1]):
                    if first < end and last > start:
                        match[triple, place] = True
        return ids.long(), present, torch.from_numpy(match)

    def _knowledge(
        self, size: int, product: np.ndarray, properties: np.ndarray, values: np.ndarray
    ) -> KnowledgeText:
        """Property and value tokens of each product's triples, one after another."""
        tokens = self.catalog.tokens
        lengths = np.stack([self._lengths[0][properties], self._lengths[1][values]], 1).ravel()
        triple = np.repeat(np.arange(len(product)).repeat(2), lengths)
        is_value = np.repeat(np.tile([False, True], len(product)), lengths)
        within = np.arange(len(triple)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        property_ids, value_ids = tokens.property_ids.cpu(), tokens.value_ids.cpu()
        flat = np.where(
            is_value,
            value_ids[values[triple], np.minimum(within, value_ids.shape[1] - 1)],
            property_ids[properties[triple], np.minimum(within, property_ids.shape[1] - 1)],
        )
        owner = product[triple]
        counts = np.bincount(owner, minlength=size)
        width = max(1, int(counts.max(initial=0)))
        place = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
        ids = np.zeros((size, width), np.int64)
        present = np.zeros((size, width), bool)
        of_triple = np.zeros((size, width), np.int64)
        value_part = np.zeros((size, width), bool)
        ids[owner, place] = flat
        present[owner, place] = True
        of_triple[owner, place] = triple
        value_part[owner, place] = is_value
        return KnowledgeText(
            torch.from_numpy(ids),
            torch.from_numpy(present),
            torch.from_numpy(of_triple),
            torch.from_numpy(value_part),
        )
