"""The modality `knowledge`: a product's triples as a text, read as its title is.

What the K3M paper gives to the models that it is compared with (+PKG): the surface forms of all
properties and values, one after another. Each triple's tokens are there because of it: asked about
it, or with it hidden or held out, they are absent, property and all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from k3m_kg.batches.retold import Retold
from k3m_kg.batches.title import TitleData, TitleModality
from k3m_kg.batches.title_words import TitleWords
from k3m_kg.batches.words import spoken
from k3m_kg.contracts import FrozenTextEncoder, ModalityTokens, ProductTable, Tokeniser
from k3m_kg.progress import Progress
from k3m_kg.snapshot.holdout import UNSEEN

_BETWEEN = " , "
_LONGEST_VALUE = 80
"""Characters of a value that are read: a value that is a text would push all others out."""

Pair = tuple[str, str]


class KnowledgeModality(TitleModality):
    """Tokens of a product's properties and values.

    Args:
        text_encoder: reads them; the same that reads titles.
        longest: tokens that are read; further triples are not.
    """

    of_triples = True

    def open(self, snapshot: ProductTable, progress: Progress | None = None) -> KnowledgeData:
        """All triples are read now, and tokenised when they are first asked for."""
        table = _Told.of(snapshot)
        encoder, words = self.text_encoder, None
        if isinstance(encoder, FrozenTextEncoder) and encoder.reads_words:
            words = TitleWords(table.whole, encoder, self.longest, progress)
        return KnowledgeData(table, encoder, self.longest, words)


class KnowledgeData(TitleData):
    """The triples of a snapshot's products, as texts."""

    def __init__(
        self, table: _Told, tokeniser: Tokeniser, longest: int, words: TitleWords | None = None
    ) -> None:
        super().__init__(table, tokeniser, longest, words)
        self._table = table
        self._places: dict[int, dict[Pair, np.ndarray]] = {}

    def words(self, rows: np.ndarray) -> None:
        """None: its words are no evidence, since the triples themselves are."""
        return None

    def spells(
        self, rows: np.ndarray, tokens: ModalityTokens, product_E: np.ndarray, texts_E: list[str]
    ) -> None:
        """A triple is hidden whole; what others say of the same word stays, as in K3M."""
        return None

    def states(
        self,
        rows: np.ndarray,
        tokens: ModalityTokens,
        product_E: np.ndarray,
        triples_E: list[Pair],
    ) -> Tensor:
        """The tokens of its property, its value, and what follows up to the next triple."""
        states_EN = np.zeros((len(triples_E), tokens.arrays["ids"].shape[1]), bool)
        for place, (product, pair) in enumerate(zip(product_E.tolist(), triples_E, strict=True)):
            found = self._of(int(rows[product])).get(pair)
            if found is not None:
                states_EN[place, found] = True
        return torch.from_numpy(states_EN)

    def _of(self, row: int) -> dict[Pair, np.ndarray]:
        """Of each of a product's triples the places of its tokens."""
        if row not in self._places:
            (tokens,) = self._tokens(np.array([row]))
            starts = np.array([start for start, _ in tokens.spans], np.int64)
            ends = self._table.ends[row]
            owner = np.searchsorted(ends, starts, side="right")
            pairs = self._table.pairs[row]
            found: dict[Pair, list[np.ndarray]] = {}
            for number, pair in enumerate(pairs):
                found.setdefault(pair, []).append(np.flatnonzero(owner == number))
            self._places[row] = {pair: np.concatenate(parts) for pair, parts in found.items()}
        return self._places[row]


@dataclass(kw_only=True)
class _Told(Retold):
    """A snapshot's products with their triples as titles.

    Attributes:
        pairs: of each product its (property, value), in order.
        ends: of each product, where in its text each triple ends, what stands between included.
    """

    pairs: list[list[Pair]]
    ends: list[np.ndarray]

    @classmethod
    def of(cls, snapshot: ProductTable) -> _Told:
        """With all triples, held-out ones too: `states` says which tokens are of which."""
        texts: list[str | None] = []
        pairs, ends = [], []
        for row in range(len(snapshot)):
            product = snapshot.product(row)
            has = [
                (name, value)
                for (name, value), mark in zip(product.properties, product.holdout, strict=True)
                if mark != UNSEEN
            ]
            parts = [f"{spoken(name)} {value[:_LONGEST_VALUE]}{_BETWEEN}" for name, value in has]
            texts.append("".join(parts) or None)
            pairs.append(has)
            ends.append(np.cumsum([len(part) for part in parts], dtype=np.int64))
        column = pa.chunked_array([pa.array(texts, pa.string())])
        whole = snapshot.whole
        table = None if whole is snapshot else cls.of(whole)
        return cls(
            snapshot=snapshot,
            path=snapshot.path,
            titles=column,
            image_offsets=snapshot.image_offsets,
            image_thumbnail=snapshot.image_thumbnail,
            pairs=pairs,
            ends=ends,
            of_whole=table,
        )
