"""Candidate values of training questions, worked out where the batch is made."""

from __future__ import annotations

import numpy as np
import torch

from k3m_kg.contracts import Catalog, Choices

_QUESTIONS, _CANDIDATES = 16, 64
"""Of a tile: a few of each are wasted where a property has fewer, none is computed twice."""


class ChoiceTable:
    """The values that each property takes in training.

    Args:
        catalog: has them.

    Attributes:
        values_V: of each column its value's id, int64.
    """

    def __init__(self, catalog: Catalog) -> None:
        sizes = np.array([len(values) for values in catalog.candidates], np.int64)
        self.values_V = np.concatenate([*catalog.candidates, np.empty(0, np.int64)]).astype(
            np.int64
        )
        self._sizes = sizes
        self._starts = np.cumsum(sizes) - sizes
        self._stride = len(catalog.values) + 1
        name_V = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        self._keys = name_V * self._stride + self.values_V  # ascending

    def of(
        self,
        properties_Q: np.ndarray,
        values_Q: np.ndarray,
        others: tuple[np.ndarray, np.ndarray],
        *,
        most: int = 0,
        generator: torch.Generator | None = None,
    ) -> Choices:
        """What some questions may answer.

        Args:
            properties_Q: the property that each asks.
            values_Q: its answer.
            others: question and value of what is true too, so that it is no wrong answer.
            most: of a property with more values so many are drawn, which stand for all: beside
                them are all that are true of any of the questions, and the softmax weighs the
                others by how many each was drawn from. 0: all values.
            generator: draws them; it is asked for nothing where none has too many.
        """
        found_Q = self._columns(properties_Q, values_Q)
        question_X, value_X = others
        found_X = self._columns(properties_Q[question_X], value_X)
        names = np.unique(properties_Q)
        drawn_D = added_D = None
        sizes, starts = self._sizes, self._starts
        if most and len(names) and self._sizes[names].max() > most:
            true = np.unique(np.concatenate([found_Q[found_Q >= 0], found_X[found_X >= 0]]))
            drawn_D, added_D = self._drawn(names, true, most, generator)
            starts = np.searchsorted(drawn_D, self._starts)
            sizes = np.searchsorted(drawn_D, self._starts + self._sizes) - starts
            found_Q, found_X = (
                np.where(found >= 0, np.searchsorted(drawn_D, found), -1)
                for found in (found_Q, found_X)
            )
        size_Q, column_Q = sizes[properties_Q], starts[properties_Q]
        begin_Q = np.cumsum(size_Q) - size_Q
        target_Q = np.where(found_Q >= 0, begin_Q + found_Q - column_Q, -1)
        closed_X = (begin_Q - column_Q)[question_X] + found_X
        place_Q, question_GS, first_G, last_G = _tiles(properties_Q, sizes, starts)
        tensors = {
            "size_Q": size_Q,
            "begin_Q": begin_Q,
            "column_Q": column_Q,
            "place_Q": place_Q,
            "target_Q": target_Q,
            "closed_X": closed_X[found_X >= 0],
            "question_GS": question_GS,
            "first_G": first_G,
            "last_G": last_G,
        }
        return Choices(
            pairs=int(size_Q.sum()),
            known=int((target_Q >= 0).sum()),
            width=_CANDIDATES,
            drawn_D=None if drawn_D is None else torch.from_numpy(drawn_D),
            added_D=None if added_D is None else torch.from_numpy(added_D),
            **{name: torch.from_numpy(array) for name, array in tensors.items()},
        )

    def asked(self, properties_Q: np.ndarray, choices: Choices) -> np.ndarray:
        """The ids of all values that may answer any of the questions."""
        if choices.drawn_D is not None:
            some: np.ndarray = self.values_V[choices.drawn_D.numpy()]
            return some
        every: np.ndarray = self.values_V[self._all_of(np.unique(properties_Q))]
        return every

    def _all_of(self, names: np.ndarray) -> np.ndarray:
        """The columns of some properties."""
        sizes = self._sizes[names]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        columns: np.ndarray = np.repeat(self._starts[names], sizes) + within
        return columns

    def _drawn(
        self, names: np.ndarray, true: np.ndarray, most: int, generator: torch.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """`drawn_D` and `added_D` of `Choices`; columns that are `true` are there for certain."""
        random = np.random.default_rng(int(torch.randint(1 << 62, (), generator=generator)))
        columns, added = [], []
        for name in names.tolist():
            start, size = int(self._starts[name]), int(self._sizes[name])
            if size <= most:
                columns.append(np.arange(start, start + size))
                added.append(np.zeros(size, np.float32))
                continue
            sure = true[(true >= start) & (true < start + size)]
            others = start + random.choice(size, most, replace=False, shuffle=False)
            others = np.setdiff1d(others, sure, assume_unique=True)
            weight = np.log((size - len(sure)) / max(1, len(others)))
            columns += [sure, others]
            added += [np.zeros(len(sure), np.float32), np.full(len(others), weight, np.float32)]
        drawn, weights = np.concatenate(columns), np.concatenate(added)
        order = np.argsort(drawn)
        return drawn[order].astype(np.int64), weights[order]

    def _columns(self, properties_N: np.ndarray, values_N: np.ndarray) -> np.ndarray:
        """The column of each value of a property, -1 where training has none."""
        if not len(self._keys):
            return np.full(len(values_N), -1, np.int64)
        keys_N = properties_N * self._stride + values_N
        place_N = np.minimum(np.searchsorted(self._keys, keys_N), len(self._keys) - 1)
        found: np.ndarray = np.where(self._keys[place_N] == keys_N, place_N, -1)
        return found


def _tiles(
    properties_Q: np.ndarray, sizes: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`place_Q`, `question_GS`, `first_G` and `last_G` of `Choices`.

    Tiles that hold the same questions and further candidates follow one another.
    """
    names, own_Q, count_P = np.unique(properties_Q, return_inverse=True, return_counts=True)
    order = np.argsort(own_Q, kind="stable")
    rank_Q = np.empty(len(order), np.int64)
    rank_Q[order] = np.arange(len(order)) - np.repeat(np.cumsum(count_P) - count_P, count_P)
    high_P = -(-count_P // _QUESTIONS)
    wide_P = -(-sizes[names] // _CANDIDATES)
    block_Q = (np.cumsum(high_P) - high_P)[own_Q] + rank_Q // _QUESTIONS
    name_L = np.repeat(np.arange(len(names)), high_P)  # of each block of questions
    question_LS = np.zeros((len(name_L), _QUESTIONS), np.int64)
    question_LS[block_Q, rank_Q % _QUESTIONS] = np.arange(len(order))
    wide_L = wide_P[name_L]
    tile_L = np.cumsum(wide_L) - wide_L
    block_G = np.repeat(np.arange(len(name_L)), wide_L)
    name_G = names[name_L[block_G]]
    start_G = starts[name_G]
    first_G = start_G + (np.arange(len(block_G)) - tile_L[block_G]) * _CANDIDATES
    place_Q = (tile_L[block_Q] * _QUESTIONS + rank_Q % _QUESTIONS) * _CANDIDATES
    last_G = start_G + sizes[name_G] - 1
    return place_Q, question_LS[block_G], first_G, last_G
