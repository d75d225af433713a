"""Postings: which products have a word in title or values, and how much it says (BM25).

N products, W words, P postings. Words are kept by their numbers, so that no text is copied out of
the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

from k3m_kg.lpm.evidence.features import word_number
from k3m_kg.lpm.title_leakage import word_spans
from k3m_kg.progress import Advance
from k3m_kg.snapshot import Snapshot

_K1, _B = 1.2, 0.75
_LONGEST = 300
"""Characters of a value that are read: of a description the beginning."""
_TOGETHER = 10_000
ARRAYS = {"word_numbers": "<i8", "word_starts": "<i8", "word_rows": "<i4", "word_weights": "<f4"}
"""The files of `WordPostings`, and what numbers they hold."""


@dataclass(frozen=True, slots=True)
class WordPostings:
    """The words of a catalog.

    Attributes:
        products: N.
        numbers_W: ascending.
        starts_W1: where the postings of each word begin.
        rows_P: the products, ascending within a word.
        weights_P: what the word says of the product, its rarity included; more than 0.
    """

    products: int
    numbers_W: np.ndarray
    starts_W1: np.ndarray
    rows_P: np.ndarray
    weights_P: np.ndarray

    @classmethod
    def of(
        cls, snapshot: Snapshot, *, values: bool = True, progress: Advance | None = None
    ) -> WordPostings:
        """Of titles and, with `values`, of what products are known to have."""
        count = len(snapshot)
        word_parts, row_parts, times_parts = [], [], []
        lengths_N = np.zeros(count, np.float32)
        for start in range(0, count, _TOGETHER):
            words, rows = _read(snapshot, start, min(count, start + _TOGETHER), values)
            lengths_N[start : start + _TOGETHER] = np.bincount(
                rows - start, minlength=min(count, start + _TOGETHER) - start
            )
            order = np.lexsort((rows, words))
            words, rows = words[order], rows[order]
            new = np.ones(len(words), bool)
            new[1:] = (np.diff(words) != 0) | (np.diff(rows) != 0)
            first = np.flatnonzero(new)
            word_parts.append(words[first])
            row_parts.append(rows[first].astype(np.int32))
            times_parts.append(np.diff(np.append(first, len(words))).astype(np.float32))
            if progress is not None:
                progress(min(count, start + _TOGETHER) - start)
        word_P = np.concatenate([*word_parts, np.empty(0, np.int64)]).astype(np.int64)
        row_P = np.concatenate([*row_parts, np.empty(0, np.int32)]).astype(np.int32)
        times_P = np.concatenate([*times_parts, np.empty(0, np.float32)])
        order = np.argsort(word_P, kind="stable")  # the rows of a word stay ascending
        row_P, times_P = row_P[order], times_P[order]
        numbers_W, starts = np.unique(word_P[order], return_index=True)
        starts_W1 = np.append(starts, len(row_P)).astype(np.int64)
        found_W = np.diff(starts_W1)
        rarity_W = np.log(1 + (count - found_W + 0.5) / (found_W + 0.5))
        mean = max(1.0, float(lengths_N.mean())) if count else 1.0
        damped_P = times_P + _K1 * (1 - _B + _B * lengths_N[row_P] / mean)
        weights_P = np.repeat(rarity_W, found_W) * times_P * (_K1 + 1) / damped_P
        return cls(count, numbers_W, starts_W1, row_P, weights_P.astype(np.float32))

    def files(self) -> dict[str, np.ndarray]:
        """By the names of `ARRAYS`."""
        arrays = (self.numbers_W, self.starts_W1, self.rows_P, self.weights_P)
        return {
            name: array.astype(ARRAYS[name]) for name, array in zip(ARRAYS, arrays, strict=True)
        }

    def find(self, text: str, top: int) -> tuple[np.ndarray, np.ndarray]:
        """The products that share most with a text: rows, the best first, and scores."""
        scores_N = np.zeros(self.products, np.float32)
        for number in set(_numbers(text)):
            place = int(np.searchsorted(self.numbers_W, number))
            if place < len(self.numbers_W) and self.numbers_W[place] == number:
                some = slice(int(self.starts_W1[place]), int(self.starts_W1[place + 1]))
                scores_N[self.rows_P[some]] += self.weights_P[some]
        return _best(scores_N, top)

    def matrix(self, commonest: int) -> sparse.csr_matrix:
        """(N, W) of the words that at most so many products have, each row of length 1."""
        counts_W = np.diff(self.starts_W1)
        kept_W = (counts_W <= commonest) & (counts_W > 1)
        kept_P = np.repeat(kept_W, counts_W)
        column_P = np.repeat(np.arange(len(counts_W)), counts_W)[kept_P]
        shape = (self.products, len(counts_W))
        made = sparse.csr_matrix(
            (np.asarray(self.weights_P)[kept_P], (np.asarray(self.rows_P)[kept_P], column_P)), shape
        )
        length_N = np.sqrt(np.asarray(made.multiply(made).sum(1)).ravel())
        scale = sparse.diags_array(1 / np.maximum(length_N, 1e-9)).astype(np.float32)
        return sparse.csr_matrix(scale @ made)


def _read(snapshot: Snapshot, start: int, stop: int, values: bool) -> tuple[np.ndarray, np.ndarray]:
    """(word, row) of every word of some products."""
    words: list[int] = []
    rows: list[int] = []

    for place, title in enumerate(snapshot.titles.slice(start, stop - start).to_pylist()):
        found = _numbers(title) if title else []
        words.extend(found)
        rows.extend([start + place] * len(found))
    if values:
        offsets = snapshot.triple_offsets[start : stop + 1]
        some = snapshot.triple_value[offsets[0] : offsets[-1]]
        owner = np.repeat(np.arange(start, stop), np.diff(offsets))
        known: dict[int, list[int]] = {}
        for row, value in zip(owner.tolist(), some.tolist(), strict=True):
            if value not in known:
                known[value] = _numbers(snapshot.value_text(value)[:_LONGEST])
            words.extend(known[value])
            rows.extend([row] * len(known[value]))
    return np.array(words, np.int64), np.array(rows, np.int64)


def _numbers(text: str) -> list[int]:
    """Of the words of a text."""
    words = (text[start:end] for start, end in word_spans(text))
    return [(_number if len(word) <= _KEPT_WORD else word_number)(word) for word in words]


_KEPT_WORD = 64
"""Characters: longer ones come once, and whoever searches could fill the memory with them."""
_number = lru_cache(1 << 18)(word_number)


def _best(scores_N: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.flatnonzero(scores_N > 0)
    if len(rows) > top:
        rows = rows[np.argpartition(-scores_N[rows], top - 1)[:top]]
    rows = rows[np.lexsort((rows, -scores_N[rows]))]
    return rows, scores_N[rows]
