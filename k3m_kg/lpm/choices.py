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
    ) -> Choices:
        """What some questions may answer.

        Args:
            properties_Q: the property that each asks.
            values_Q: its answer.
            others: question and value of what is true too, so that it is no wrong answer.
        """
        size_Q, column_Q = self._sizes[properties_Q], self._starts[properties_Q]
        begin_Q = np.cumsum(size_Q) - size_Q
        found_Q = self._columns(properties_Q, values_Q)
        target_Q = np.where(found_Q >= 0, begin_Q + found_Q - column_Q, -1)
        question_X, value_X = others
        found_X = self._columns(properties_Q[question_X], value_X)
        closed_X = (begin_Q - column_Q)[question_X] + found_X
        place_Q, question_GS, first_G, last_G = self._tiles(properties_Q)
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
            **{name: torch.from_numpy(array) for name, array in tensors.items()},
        )

    def asked(self, properties_Q: np.ndarray) -> np.ndarray:
        """The ids of all values that may answer any of the questions."""
        names = np.unique(properties_Q)
        columns = [
            self.values_V[start : start + size]
            for start, size in zip(self._starts[names], self._sizes[names], strict=True)
        ]
        return np.concatenate([*columns, np.empty(0, np.int64)])

    def _columns(self, properties_N: np.ndarray, values_N: np.ndarray) -> np.ndarray:
        """The column of each value of a property, -1 where training has none."""
        if not len(self._keys):
            return np.full(len(values_N), -1, np.int64)
        keys_N = properties_N * self._stride + values_N
        place_N = np.minimum(np.searchsorted(self._keys, keys_N), len(self._keys) - 1)
        found: np.ndarray = np.where(self._keys[place_N] == keys_N, place_N, -1)
        return found

    def _tiles(
        self, properties_Q: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """`place_Q`, `question_GS`, `first_G` and `last_G` of `Choices`.

        Tiles that hold the same questions and further candidates follow one another.
        """
        names, own_Q, count_P = np.unique(properties_Q, return_inverse=True, return_counts=True)
        order = np.argsort(own_Q, kind="stable")
        rank_Q = np.empty(len(order), np.int64)
        rank_Q[order] = np.arange(len(order)) - np.repeat(np.cumsum(count_P) - count_P, count_P)
        high_P = -(-count_P // _QUESTIONS)
        wide_P = -(-self._sizes[names] // _CANDIDATES)
        block_Q = (np.cumsum(high_P) - high_P)[own_Q] + rank_Q // _QUESTIONS
        name_L = np.repeat(np.arange(len(names)), high_P)  # of each block of questions
        question_LS = np.zeros((len(name_L), _QUESTIONS), np.int64)
        question_LS[block_Q, rank_Q % _QUESTIONS] = np.arange(len(order))
        wide_L = wide_P[name_L]
        tile_L = np.cumsum(wide_L) - wide_L
        block_G = np.repeat(np.arange(len(name_L)), wide_L)
        name_G = names[name_L[block_G]]
        start_G = self._starts[name_G]
        first_G = start_G + (np.arange(len(block_G)) - tile_L[block_G]) * _CANDIDATES
        place_Q = (tile_L[block_Q] * _QUESTIONS + rank_Q % _QUESTIONS) * _CANDIDATES
        last_G = start_G + self._sizes[name_G] - 1
        return place_Q, question_LS[block_G], first_G, last_G
