"""What is seen of a product, as columns of a sparse matrix: known by texts, so on any snapshot."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from scipy import sparse

from k3m_kg.lpm.title_leakage import word_spans
from k3m_kg.snapshot import CATEGORY, Snapshot
from k3m_kg.snapshot.texts import Texts

_T = TypeVar("_T", int, str, tuple[int, int])

MOST_COLUMNS = 3_000
"""A model of this many columns takes seconds, of ten times as many an hour."""
_MOST_KINDS, _MOST_PROPERTIES, _MOST_VALUES = 500, 1_000, 1_000
_LEAST = 3
"""Products that a column must be seen on."""


@dataclass(frozen=True)
class SeenColumns:
    """The columns of products: their kind, what they state, what they are called.

    In this order: kinds, properties, values, words.

    Attributes:
        kinds: categories.
        properties: stated at all; also what a model of presence predicts.
        values: the most frequent: (place in `properties`, value).
        words: of titles, in lower case.
    """

    kinds: tuple[str, ...]
    properties: tuple[str, ...]
    values: tuple[tuple[int, str], ...]
    words: tuple[str, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, rows: np.ndarray) -> SeenColumns:
        """The columns that some products of a snapshot fill often enough, at most MOST_COLUMNS."""
        kinds = Counter(kind for kind in _kinds(snapshot, rows) if kind is not None)
        product, name, value = _triples(snapshot, rows)
        width = len(snapshot.properties)
        stated = np.bincount(np.unique(product * width + name) % width, minlength=width)
        properties = _most(dict(enumerate(stated.tolist())), _MOST_PROPERTIES)
        values = _valued(snapshot, name, value, properties)
        words = Counter(word for title in _titles(snapshot, rows) for word in _words(title))
        kept_kinds = _most(kinds, _MOST_KINDS)
        left = MOST_COLUMNS - len(kept_kinds) - len(properties) - len(values)
        return cls(
            tuple(kept_kinds),
            tuple(snapshot.properties[name] for name in properties),
            tuple(values),
            tuple(_most(words, left)),
        )

    def __len__(self) -> int:
        return len(self.owner_F)

    @cached_property
    def owner_F(self) -> np.ndarray:
        """(F,) the property that a column says something of, -1 where it is none; int64."""
        return np.concatenate(
            [
                np.full(len(self.kinds), self.category),
                np.arange(len(self.properties)),
                np.array([name for name, _ in self.values], np.int64),
                np.full(len(self.words), -1),
            ]
        ).astype(np.int64)

    @property
    def category(self) -> int:
        """The place of the category among the properties, -1 where it is none."""
        return self.properties.index(CATEGORY) if CATEGORY in self.properties else -1

    @property
    def stated(self) -> slice:
        """The columns that say which properties are stated."""
        return slice(len(self.kinds), len(self.kinds) + len(self.properties))


class Seen:
    """SeenColumns at work on a snapshot. All that it states counts, held out or not.

    Args:
        columns: known by texts.
        snapshot: any.
    """

    def __init__(self, columns: SeenColumns, snapshot: Snapshot) -> None:
        self.columns, self.snapshot = columns, snapshot
        place = {name: number for number, name in enumerate(columns.properties)}
        self.property_of = np.array([place.get(name, -1) for name in snapshot.properties], np.int64)
        """(properties of the snapshot,) their places among the columns' properties, or -1."""
        self._kind: dict[str | None, int] = {
            kind: number for number, kind in enumerate(columns.kinds)
        }
        self._word = {word: number for number, word in enumerate(columns.words)}
        keys = [
            (name * len(snapshot.value_column) + found, number)
            for number, (name, text) in enumerate(columns.values)
            if (found := _place(snapshot, text)) >= 0
        ]
        keys.sort()
        self._value_key = np.array([key for key, _ in keys], np.int64)
        self._value_column = np.array([number for _, number in keys], np.int64)

    def kinds(self, rows: np.ndarray) -> np.ndarray:
        """(N,) the kind of each product, -1 of one without or of another; int64."""
        return np.array([self._kind.get(k, -1) for k in _kinds(self.snapshot, rows)], np.int64)

    def matrix(self, rows: np.ndarray) -> sparse.csr_matrix:
        """(N, F) of zeros and ones, float32."""
        columns, count = self.columns, len(rows)
        kind = self.kinds(rows)
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        parts.append((np.flatnonzero(kind >= 0), kind[kind >= 0]))
        product, name, value = _triples(self.snapshot, rows)
        mine = self.property_of[name]
        product, mine, value = product[mine >= 0], mine[mine >= 0], value[mine >= 0]
        parts.append((product, len(columns.kinds) + mine))
        if len(self._value_key):
            key = mine * len(self.snapshot.value_column) + value
            at = np.minimum(np.searchsorted(self._value_key, key), len(self._value_key) - 1)
            found = self._value_key[at] == key
            parts.append((product[found], columns.stated.stop + self._value_column[at[found]]))
        first = len(columns) - len(columns.words)
        said = [
            (number, first + self._word[word])
            for number, title in enumerate(_titles(self.snapshot, rows))
            for word in _words(title)
            if word in self._word
        ]
        words = np.array(said, np.int64).reshape(-1, 2)
        parts.append((words[:, 0], words[:, 1]))
        row = np.concatenate([part[0] for part in parts])
        column = np.concatenate([part[1] for part in parts])
        ones = np.ones(len(row), np.float32)
        matrix = sparse.csr_matrix((ones, (row, column)), (count, len(columns)))
        matrix.data[:] = 1  # what stands twice is there, no more
        return matrix


def _triples(snapshot: Snapshot, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Product (index into `rows`), property and value id of their triples, flat, int64."""
    starts = snapshot.triple_offsets[rows]
    counts = snapshot.triple_offsets[rows + 1] - starts
    product = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.repeat(starts, counts) + within
    names, values = snapshot.triple_property[index], snapshot.triple_value[index]
    return product, names.astype(np.int64), values.astype(np.int64)


def _valued(
    snapshot: Snapshot, name: np.ndarray, value: np.ndarray, properties: list[int]
) -> list[tuple[int, str]]:
    """The most frequent values, whichever property they are of.

    One with many values tells as much of a kind as one with few: a device that states its types of
    ports, none of them a radio's, has no number of radios.
    """
    place = {name: number for number, name in enumerate(properties)}
    width = max(1, len(snapshot.value_column))
    pairs, counts = np.unique(name * width + value, return_counts=True)
    often = {
        (place[name], value): count
        for name, value, count in zip(
            (pairs // width).tolist(), (pairs % width).tolist(), counts.tolist(), strict=True
        )
        if name in place
    }
    return [(name, snapshot.value_text(value)) for name, value in _most(often, _MOST_VALUES)]


def _most(counts: Mapping[_T, int], most: int) -> list[_T]:
    """Those that are seen often enough, at most so many, in a fixed order."""
    often = [item for item, count in counts.items() if count >= _LEAST]
    kept = sorted(often, key=lambda item: (-counts[item], item))[: max(0, most)]
    return sorted(kept)


def _place(snapshot: Snapshot, text: str) -> int:
    """A value's id, -1 where the snapshot has no such value; values ascend."""
    column = Texts(snapshot.value_column)
    place = bisect_left(column, text)
    return place if place < len(column) and column[place] == text else -1


def _kinds(snapshot: Snapshot, rows: np.ndarray) -> list[str | None]:
    found: list[str | None] = snapshot.categories.take(rows).to_pylist()
    return found


def _titles(snapshot: Snapshot, rows: np.ndarray) -> list[str]:
    return [title or "" for title in snapshot.titles.take(rows).to_pylist()]


def _words(title: str) -> Iterable[str]:
    lowered = title.lower()
    return {lowered[start:end] for start, end in word_spans(lowered)}
