"""From snapshot rows to a `ProductBatch`: each modality's tokens, triples and their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from k3m_kg.batches.text_vectors import mean_vectors
from k3m_kg.batches.words import pad, spoken
from k3m_kg.config import ModelSettings
from k3m_kg.contracts import (
    Catalog,
    FrozenTextEncoder,
    KnowledgeText,
    Modality,
    ModalityData,
    ProductBatch,
    TermTokens,
    Tokeniser,
)
from k3m_kg.progress import Progress
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.holdout import REJECTED, UNSEEN, UNTRUE, is_shown


def _tokenise_terms(
    encoder: Tokeniser, properties: Sequence[str], values: Sequence[str], longest: int
) -> TermTokens:
    property_tokens = encoder.prepare([spoken(name) for name in properties])
    value_tokens = encoder.prepare(list(values))
    return TermTokens(
        *pad([tokens.ids for tokens in property_tokens], longest),
        *pad([tokens.ids for tokens in value_tokens], longest),
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


def build_catalog(
    snapshot: Snapshot,
    encoder: Tokeniser,
    settings: ModelSettings,
    progress: Progress | None = None,
) -> Catalog:
    """The terms of a training snapshot, with the values that each property takes in training."""
    candidates, counts = snapshot.candidates()
    properties, values = list(snapshot.properties), list(snapshot.values)
    catalog = catalog_of(properties, values, candidates, counts, encoder, settings)
    return _encoded_once(catalog, encoder, snapshot, progress)


def _encoded_once(
    catalog: Catalog, encoder: Tokeniser, snapshot: Snapshot, progress: Progress | None
) -> Catalog:
    """With what a frozen encoder gives for each term; as it is with any other encoder."""
    if not isinstance(encoder, FrozenTextEncoder) or catalog.tokens.value_vectors is not None:
        return catalog
    tokens = catalog.tokens
    terms = [
        ids[there].tolist()
        for every_ids, every_there in (
            (tokens.property_ids, tokens.property_present),
            (tokens.value_ids, tokens.value_present),
        )
        for ids, there in zip(every_ids.cpu(), every_there.cpu(), strict=True)
    ]
    vectors = torch.from_numpy(mean_vectors(encoder, terms, snapshot, progress))
    count = len(catalog.properties)
    device = tokens.value_ids.device
    of_properties, of_values = vectors[:count].to(device), vectors[count:].to(device)
    return replace(
        catalog,
        tokens=replace(tokens, property_vectors=of_properties, value_vectors=of_values),
    )


def known_terms(snapshot: Snapshot, rows: np.ndarray) -> list[str]:
    """The properties and values of some products' triples, without those held out."""
    within = np.isin(snapshot.triple_product, rows) & (snapshot.triple_holdout == 0)
    names = np.unique(snapshot.triple_property[within]).tolist()
    values = np.unique(snapshot.triple_value[within]).tolist()
    return [snapshot.properties[name] for name in names] + [
        snapshot.value_text(value) for value in values
    ]


def extend_catalog(
    base: Catalog,
    snapshot: Snapshot,
    encoder: Tokeniser,
    settings: ModelSettings,
    progress: Progress | None = None,
) -> Catalog:
    """`base` with the terms that only `snapshot` has after its own; candidates stay as trained."""
    known_properties, known_values = set(base.properties), set(base.values)
    properties = base.properties + [p for p in snapshot.properties if p not in known_properties]
    values = base.values + [v for v in snapshot.values if v not in known_values]
    if len(properties) == len(base.properties) and len(values) == len(base.values):
        return _encoded_once(base, encoder, snapshot, progress)
    empty = [np.empty(0, np.int64)] * (len(properties) - len(base.properties))
    catalog = catalog_of(
        properties, values, base.candidates + empty, base.counts + empty, encoder, settings
    )
    return _encoded_once(catalog, encoder, snapshot, progress)


def with_values(
    base: Catalog,
    texts: Sequence[str],
    encoder: Tokeniser,
    settings: ModelSettings,
    snapshot: Snapshot,
) -> Catalog:
    """`base` with any texts after its own values; nothing takes them."""
    values = [*base.values, *texts]
    catalog = catalog_of(base.properties, values, base.candidates, base.counts, encoder, settings)
    return _encoded_once(catalog, encoder, snapshot, None)


def batcher_of(
    snapshot: Snapshot,
    trained: Catalog,
    encoder: Tokeniser,
    modalities: Mapping[str, Modality],
    settings: ModelSettings,
    progress: Progress | None = None,
) -> Batcher:
    """Batches of any snapshot for a trained model; unseen terms and products are welcome."""
    catalog = extend_catalog(trained, snapshot, encoder, settings, progress)
    opened = {name: modality.open(snapshot, progress) for name, modality in modalities.items()}
    return Batcher(snapshot, opened, settings, catalog)


class Batcher:
    """Makes batches of a snapshot's products.

    Args:
        snapshot: where the products are.
        modalities: what is shown of them, by name; opened on the snapshot.
        settings: sizes; `knowledge: product` adds the knowledge text.
        catalog: the terms that ids in the batches refer to; must hold all of the snapshot's.

    The held-out triples of the snapshot never enter a batch unless `with_holdout` is set, what
    people rejected never unless `with_rejected` is.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        modalities: Mapping[str, ModalityData],
        settings: ModelSettings,
        catalog: Catalog,
        *,
        with_holdout: bool = False,
        with_rejected: bool = False,
    ) -> None:
        self.snapshot = snapshot
        self.modalities = dict(modalities)
        self.settings = settings
        self.catalog = catalog
        self.with_holdout = with_holdout
        self.with_rejected = with_rejected and len(snapshot.rejected_value) > 0
        position = {name: index for index, name in enumerate(catalog.properties)}
        self._property = np.asarray([position[p] for p in snapshot.properties], np.int64)
        position = {text: index for index, text in enumerate(catalog.values)}
        self._value = np.asarray([position[v] for v in snapshot.values], np.int64)
        tokens = catalog.tokens
        self._lengths = tokens.property_lengths, tokens.value_lengths
        # for the knowledge text, which is made here wherever the catalog's tokens are
        self._ids = tokens.property_ids.cpu().numpy(), tokens.value_ids.cpu().numpy()

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
        product, properties, values, _, kept = self._every_triple(rows)
        return product[kept], properties[kept], values[kept]

    def _every_triple(
        self, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As `triples`, of all that the snapshot has, with marks and which batches hold (bool)."""
        snapshot = self.snapshot
        start = snapshot.triple_offsets[rows]
        counts = snapshot.triple_offsets[rows + 1] - start
        product = np.repeat(np.arange(len(rows)), counts)
        before = np.cumsum(counts) - counts
        index = np.arange(counts.sum()) - before[product] + start[product]
        marks = snapshot.triple_holdout[index]
        untrue = marks == UNTRUE
        kept = np.ones(len(product), bool) if self.with_holdout else is_shown(marks)
        if untrue.any():  # they take no room from what is true: the same is asked either way
            kept = self._first(product, kept & ~untrue, len(rows)) | self._first(
                product, kept & untrue, len(rows)
            )
        else:
            kept = self._first(product, kept, len(rows))
        properties = self._property[snapshot.triple_property[index]]
        values = self._value[snapshot.triple_value[index]]
        return product.astype(np.int64), properties, values, marks, kept

    def _and_rejected(
        self, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As `_every_triple`, each product's rejected values after its triples."""
        known = self._every_triple(rows)
        if not self.with_rejected:
            return known
        snapshot = self.snapshot
        start = snapshot.rejected_offsets[rows]
        counts = snapshot.rejected_offsets[rows + 1] - start
        product = np.repeat(np.arange(len(rows)), counts)
        index = np.arange(counts.sum()) - (np.cumsum(counts) - counts)[product] + start[product]
        rejected = (
            product,
            self._property[snapshot.rejected_property[index]],
            self._value[snapshot.rejected_value[index]],
            np.full(len(index), REJECTED, known[3].dtype),
            np.ones(len(index), bool),
        )
        order = np.argsort(np.concatenate([known[0], product]), kind="stable")
        product, names, values, marks, kept = (
            np.concatenate([one, other])[order] for one, other in zip(known, rejected, strict=True)
        )
        return product, names, values, marks, kept

    def _first(self, product: np.ndarray, kept: np.ndarray, products: int) -> np.ndarray:
        """Of the kept triples (bool) of each product the first `max_triples`."""
        place = np.flatnonzero(kept)
        shown = product[place]
        rank = np.arange(len(shown)) - np.searchsorted(shown, np.arange(products))[shown]
        found = np.zeros(len(kept), bool)
        found[place[rank < self.settings.max_triples]] = True
        return found

    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> ProductBatch:
        """The products in `rows` (which may repeat), all their known triples visible.

        Args:
            random: chooses where a product has several of a modality, such as pictures; without
                it, the first.
        """
        rows = np.asarray(rows, np.int64)
        every, names, texts, marks, kept = self._and_rejected(rows)
        triples = [
            (self.catalog.properties[name], self.catalog.values[text])
            for name, text in zip(names.tolist(), texts.tolist(), strict=True)
        ]
        product, properties, values = every[kept], names[kept], texts[kept]
        texts_E = [self.catalog.values[value] for value in values.tolist()]
        modalities = {}
        for name, data in self.modalities.items():
            tokens = data.batch(rows, random)
            tokens.spells_EN = data.spells(rows, tokens, product, texts_E)
            states = data.states(rows, tokens, every, triples)
            if states is not None:  # what the batch does not show leaves no token either
                tokens.states_EN = states
                gone = ~kept | (marks == UNSEEN)
                tokens.hide_stated(torch.from_numpy(gone), torch.from_numpy(every))
                tokens.states_EN = states[torch.from_numpy(kept)]
            modalities[name] = tokens
        untrue, rejected = marks[kept] == UNTRUE, marks[kept] == REJECTED
        return ProductBatch(
            rows_B=torch.from_numpy(rows),
            modalities=modalities,
            triple_product_E=torch.from_numpy(product),
            triple_property_E=torch.from_numpy(properties),
            triple_value_E=torch.from_numpy(values),
            triple_visible_E=torch.from_numpy((marks[kept] != UNSEEN) & ~rejected),
            catalog=self.catalog,
            knowledge=(
                self._knowledge(len(rows), product, properties, values)
                if self.settings.knowledge == "product"
                else None
            ),
            triple_untrue_E=torch.from_numpy(untrue) if untrue.any() else None,
            triple_rejected_E=torch.from_numpy(rejected) if rejected.any() else None,
        )

    def _knowledge(
        self, size: int, product: np.ndarray, properties: np.ndarray, values: np.ndarray
    ) -> KnowledgeText:
        """Property and value tokens of each product's triples, one after another."""
        lengths = np.stack([self._lengths[0][properties], self._lengths[1][values]], 1).ravel()
        triple = np.repeat(np.arange(len(product)).repeat(2), lengths)
        is_value = np.repeat(np.tile([False, True], len(product)), lengths)
        within = np.arange(len(triple)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        property_ids, value_ids = self._ids
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
