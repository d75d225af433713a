"""The words of a snapshot's titles, each with the vectors that a frozen encoder gives it alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from k3m_kg.batches.text_vectors import token_vectors
from k3m_kg.contracts import FrozenTextEncoder, ProductTable, Tokens
from k3m_kg.progress import Progress

_TOGETHER = 4096
"""Titles that are tokenised in one call."""


class TitleWords:
    """Every distinct word of a snapshot's titles.

    Args:
        snapshot: has them.
        encoder: makes tokens and vectors of them.
        longest: tokens that are kept of a title.
    """

    def __init__(
        self,
        snapshot: ProductTable,
        encoder: FrozenTextEncoder,
        longest: int,
        progress: Progress | None = None,
    ) -> None:
        self._start: dict[tuple[int, ...], int] = {}
        place = 0
        for tokens in _titles(snapshot, encoder):
            for _, ids in words_of(tokens, longest):
                if ids not in self._start:
                    self._start[ids] = place
                    place += len(ids)
        self._vectors = token_vectors(encoder, list(self._start), snapshot, progress)

    @property
    def width(self) -> int:
        """W; 0 where there are no words."""
        return self._vectors.shape[1] if len(self._vectors) else 0

    def means(
        self, titles: Sequence[Tokens], gone: Sequence[Collection[int]] | None = None
    ) -> np.ndarray:
        """(B, W) float32 mean over the tokens of the words of which none is gone; zeros: none."""
        rows: list[int] = []
        owner: list[int] = []
        for number, tokens in enumerate(titles):
            lost = gone[number] if gone is not None else ()
            for places, ids in words_of(tokens, len(tokens.ids)):
                if any(place in lost for place in range(places.start, places.stop)):
                    continue
                start = self._start[ids]
                rows += range(start, start + len(ids))
                owner += [number] * len(ids)
        counts = np.bincount(owner, minlength=len(titles)).astype(np.float32)
        weights = 1 / counts[owner] if owner else np.empty(0, np.float32)
        shape = (len(titles), len(self._vectors))
        mean = sparse.csr_matrix((weights, (owner, rows)), shape, dtype=np.float32)
        used = np.unique(rows).astype(np.int64)
        found: np.ndarray = mean[:, used] @ self._vectors[used].astype(np.float32)
        return found

    def arrays(self, titles: Sequence[Tokens], width: int) -> dict[str, Tensor]:
        """`vectors` (B, T, W) of the tokens, and `words` (B, T), the word that each is of.

        Padding is of the last word that there can be, which no title that is padded has.
        """
        row_BT = np.zeros((len(titles), width), np.int64)
        word_BT = np.full((len(titles), width), width - 1, np.int64)
        for number, tokens in enumerate(titles):
            for word, (places, ids) in enumerate(words_of(tokens, width)):
                start = self._start[ids]
                row_BT[number, places] = np.arange(start, start + len(ids))
                word_BT[number, places] = word
        if not len(self._vectors):
            return {}
        return {
            "vectors": torch.from_numpy(self._vectors[row_BT]),
            "words": torch.from_numpy(word_BT),
        }


def words_of(tokens: Tokens, longest: int) -> Iterator[tuple[slice, tuple[int, ...]]]:
    """Where each word of a title lies among its tokens, and their ids."""
    ids = tokens.ids[:longest]
    words = tokens.words[:longest] if tokens.words is not None else list(range(len(ids)))
    start = 0
    for place in range(1, len(ids) + 1):
        if place == len(ids) or words[place] != words[start]:
            yield slice(start, place), tuple(ids[start:place])
            start = place


def _titles(snapshot: ProductTable, encoder: FrozenTextEncoder) -> Iterator[Tokens]:
    for start in range(0, len(snapshot), _TOGETHER):
        texts = snapshot.titles.slice(start, _TOGETHER).to_pylist()
        yield from encoder.prepare([text for text in texts if text])
