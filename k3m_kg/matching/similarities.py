"""How alike two products are by simple means: what a person would compute first.

N pairs, F similarities. Whatever is hidden from the model is hidden here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from k3m_kg.contracts import TRIPLES
from k3m_kg.lpm.questions import Triples
from k3m_kg.matching.pairs import ProductPairs, words_of
from k3m_kg.use.open_model import OpenModel

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_GRAM = 3
_PIECES = 6
"""Column of titles: shared pieces of all that either has."""
_KEPT = 4
"""Answers that are kept: several judges ask of the same pairs."""


class Similarities:
    """Computes them for pairs of one snapshot.

    Args:
        opened: the model, of which only its snapshot is read.
        shown: which parts of a product: `triples`, and modalities by name.
        read: what linear models read of products, as `Competitors.reading` gives it.
    """

    def __init__(
        self,
        opened: OpenModel,
        shown: Collection[str],
        read: Callable[[Triples], dict[str, Any]],
    ) -> None:
        self._opened, self._shown, self._read = opened, shown, read
        self._found: list[tuple[ProductPairs, np.ndarray]] = []

    def cosines(self, pairs: ProductPairs) -> dict[str, np.ndarray]:
        """(N,) by input: `words` are TF-IDF, `attributes` one-hot, pictures plain."""
        rows, inverse = np.unique(np.concatenate([pairs.left, pairs.right]), return_inverse=True)
        left, right = np.split(inverse, 2)
        matrices = self._read(Triples.each(rows))
        return {
            name: _cosine(joined(parts), left, right)
            for name, parts in matrices.items()
            if name != "all"
        }

    def __call__(self, pairs: ProductPairs) -> np.ndarray:
        """(N, F) float32: the cosines, what titles share, and what triples agree in."""
        for known, found in self._found:
            if known is pairs:
                return found
        columns = [*self.cosines(pairs).values()]
        if "title" in self._shown:
            columns += self._of_titles(pairs)
        if TRIPLES in self._shown:
            columns += self._of_triples(pairs)
        found = np.stack(columns or [np.zeros(len(pairs))], 1).astype(np.float32)
        self._found = [*self._found[1 - _KEPT :], (pairs, found)]
        return found

    def likeness(self, pairs: ProductPairs) -> np.ndarray:
        """(N,) float32 from 0 to 1: the mean of the cosines and of what titles' pieces share."""
        columns = [np.clip(column, 0, 1) for column in self.cosines(pairs).values()]
        if "title" in self._shown:
            columns.append(self._of_titles(pairs)[_PIECES])
        found: np.ndarray = np.mean(columns or [np.zeros(len(pairs))], 0).astype(np.float32)
        return found

    def _of_titles(self, pairs: ProductPairs) -> list[np.ndarray]:
        titles = self._opened.snapshot.titles
        texts = {
            row: (titles[row].as_py() or "").lower()
            for row in {*pairs.left.tolist(), *pairs.right.tolist()}
        }
        words = {row: frozenset(words_of(text)) for row, text in texts.items()}
        numbers = {row: frozenset(_NUMBER.findall(text)) for row, text in texts.items()}
        grams = {row: frozenset(_grams(text)) for row, text in texts.items()}
        found = []
        for left, right in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True):
            row = []
            for sets in (words, numbers, grams):
                both = len(sets[left] & sets[right])
                row += [
                    both / max(1, len(sets[left] | sets[right])),
                    both / max(1, len(sets[left])),
                    both / max(1, len(sets[right])),
                ]
            row.append(float(bool(texts[left]) and bool(texts[right])))
            found.append(row)
        return [*np.array(found, np.float32).reshape(len(pairs), -1).T]

    def _of_triples(self, pairs: ProductPairs) -> list[np.ndarray]:
        rows = np.unique(np.concatenate([pairs.left, pairs.right]))
        product, names, values = self._opened.batcher.triples(rows)
        texts = self._opened.batcher.catalog.values
        stated: dict[int, dict[int, set[int]]] = {row: {} for row in rows.tolist()}
        for place, name, value in zip(
            product.tolist(), names.tolist(), values.tolist(), strict=True
        ):
            stated[int(rows[place])].setdefault(name, set()).add(value)
        found = []
        for left, right in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True):
            mine, other = stated[left], stated[right]
            shared = mine.keys() & other.keys()
            agree = sum(bool(mine[name] & other[name]) for name in shared)
            near = [
                _nearness(texts[a], texts[b])
                for name in shared
                for a in list(mine[name])[:1]
                for b in list(other[name])[:1]
            ]
            numbers = [value for value in near if value is not None]
            found.append(
                [
                    agree / max(1, len(shared)),
                    (len(shared) - agree) / max(1, len(shared)),
                    float(len(shared) > 0),
                    float(np.mean(numbers)) if numbers else 0.0,
                    float(bool(numbers)),
                ]
            )
        return [*np.array(found, np.float32).reshape(len(pairs), -1).T]


def joined(parts: Sequence[Any]) -> Any:
    """Parts of an input side by side, sparse."""
    return sparse.hstack([sparse.csr_matrix(part) for part in parts], format="csr")


def _cosine(matrix: Any, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1))).ravel()
    dot = np.asarray(matrix[left].multiply(matrix[right]).sum(1)).ravel()
    found: np.ndarray = dot / np.maximum(length[left] * length[right], 1e-12)
    return found


def _grams(text: str) -> list[str]:
    joined = " ".join(words_of(text))
    return [joined[place : place + _GRAM] for place in range(max(0, len(joined) - _GRAM + 1))]


def _nearness(one: str, other: str) -> float | None:
    """The smaller of two numbers over the larger; None where one of the texts is no number."""
    try:
        numbers = sorted((abs(float(one)), abs(float(other))))
    except ValueError:
        return None
    if not np.isfinite(numbers).all():
        return None
    return 1.0 if numbers[1] == 0 else numbers[0] / numbers[1]
