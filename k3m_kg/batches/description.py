"""The modality `description`: a long text among a product's values, read as a second title.

Its tokens are there because of a triple: asked about that triple, or with it held out, they are
absent. The words of other asked values are cut out of it as they are out of a title.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from k3m_kg.batches.retold import Retold
from k3m_kg.batches.title import TitleData, TitleModality
from k3m_kg.batches.title_words import TitleWords
from k3m_kg.config import Settings, validate_settings
from k3m_kg.contracts import (
    FrozenTextEncoder,
    ModalityTokens,
    ProductTable,
    TextEncoder,
    Tokeniser,
)
from k3m_kg.manifests import read_json, write_json
from k3m_kg.progress import Progress
from k3m_kg.snapshot.holdout import UNSEEN
from k3m_kg.spans.texts import are_texts

_ASSET = "description.json"
_SAMPLE = 2000
"""Products that are looked at to see which properties hold texts."""


class DescribedBy(Settings):
    """What a trained model reads as description.

    Attributes:
        properties: of a product, the first of these that it has.
    """

    properties: tuple[str, ...]


class DescriptionModality(TitleModality):
    """Tokens of a product's long text.

    Args:
        text_encoder: reads them; the same that reads titles.
        longest: T; longer texts are cut.
        properties: which values are texts: of a product the first of these that it has. Where
            empty, the property with long texts that most products of the training snapshot have.
    """

    of_triples = True

    def __init__(
        self, text_encoder: TextEncoder, longest: int, properties: Sequence[str] = ()
    ) -> None:
        super().__init__(text_encoder, longest)
        self.properties = tuple(properties)

    def open(self, snapshot: ProductTable, progress: Progress | None = None) -> TitleData:
        """All texts are read now, and tokenised when they are first asked for."""
        if not self.properties:
            self.properties = _longest_texts(snapshot)
        table = _Described.of(snapshot, self.properties)
        encoder, words = self.text_encoder, None
        if isinstance(encoder, FrozenTextEncoder) and encoder.reads_words:
            words = TitleWords(table.whole, encoder, self.longest, progress)
        return DescriptionData(table, encoder, self.longest, words)

    def save_assets(self, folder: Path) -> None:
        """Which properties they are: another snapshot may have longer texts elsewhere."""
        write_json(folder / _ASSET, {"properties": list(self.properties)})

    def load_assets(self, folder: Path) -> None:
        """As they were in training."""
        found = validate_settings(DescribedBy, read_json(folder / _ASSET), str(folder / _ASSET))
        self.properties = found.properties


class DescriptionData(TitleData):
    """The descriptions of a snapshot."""

    def __init__(
        self,
        snapshot: _Described,
        tokeniser: Tokeniser,
        longest: int,
        words: TitleWords | None = None,
    ) -> None:
        super().__init__(snapshot, tokeniser, longest, words)
        self._names = snapshot.names

    def features(
        self, rows: np.ndarray, cut: Sequence[Sequence[str]] | None = None
    ) -> np.ndarray | None:
        """None: whether it is there depends on a triple, whose words linear models read."""
        return None

    def spells(
        self, rows: np.ndarray, tokens: ModalityTokens, product_E: np.ndarray, texts_E: list[str]
    ) -> Tensor | None:
        """As in a title; the text itself is no value that it spells."""
        own = self._titles.take(rows).to_pylist()
        others = [
            "" if own[product] == text else text
            for product, text in zip(product_E.tolist(), texts_E, strict=True)
        ]
        return super().spells(rows, tokens, product_E, others)

    def states(
        self,
        rows: np.ndarray,
        tokens: ModalityTokens,
        product_E: np.ndarray,
        triples_E: list[tuple[str, str]],
    ) -> Tensor:
        """All tokens, of the triple that the text is the value of."""
        own = self._titles.take(rows).to_pylist()
        stated = [
            (self._names[int(rows[product])], own[product]) == pair
            for product, pair in zip(product_E.tolist(), triples_E, strict=True)
        ]
        width = tokens.arrays["ids"].shape[1]
        return torch.tensor(stated, dtype=torch.bool)[:, None].expand(-1, width).clone()


@dataclass(kw_only=True)
class _Described(Retold):
    """A snapshot's products with their texts as titles.

    Attributes:
        names: of each product, the property that its text is the value of.
    """

    names: list[str | None]

    @classmethod
    def of(cls, snapshot: ProductTable, properties: Sequence[str]) -> _Described:
        """With the first value of the first of some properties that a product has."""
        texts: list[str | None] = []
        names: list[str | None] = []
        for row in range(len(snapshot)):
            has: dict[str, str] = {}
            product = snapshot.product(row)
            for (name, value), mark in zip(product.properties, product.holdout, strict=True):
                if mark != UNSEEN:
                    has.setdefault(name, value)
            name = next((name for name in properties if name in has), None)
            names.append(name)
            texts.append(None if name is None else has[name])
        column = pa.chunked_array([pa.array(texts, pa.string())])
        whole = snapshot.whole
        table = None if whole is snapshot else cls.of(whole, properties)
        return cls(
            snapshot=snapshot,
            path=snapshot.path,
            titles=column,
            image_offsets=snapshot.image_offsets,
            image_thumbnail=snapshot.image_thumbnail,
            names=names,
            of_whole=table,
        )


def _longest_texts(snapshot: ProductTable) -> tuple[str, ...]:
    """The property with texts that most products have; none where no values are texts."""
    values: dict[str, list[str]] = defaultdict(list)
    for row in range(0, len(snapshot), max(1, len(snapshot) // _SAMPLE)):
        for name, value in snapshot.product(row).properties:
            values[name].append(value)
    texts = Counter({name: len(found) for name, found in values.items() if are_texts(found)})
    return tuple(name for name, _ in texts.most_common(1))
