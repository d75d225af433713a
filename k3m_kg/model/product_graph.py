"""The graph product -> (property, value) -> product, and the sampling of neighbours in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from k3m_kg.errors import ConfigError

WALKS = 64
"""Random walks from each question."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the neighbours of Q questions say, ascending by question and property.

    Attributes:
        query_N: the question.
        property_N, value_N: what one of its neighbours has.
        slot_N: a number of the question and property, ascending from 0.
        neighbour_N: which of the M neighbours, in 0..M-1.
        rows_M: the neighbours' rows.
        query_M: whose neighbours they are.
        overlap_M: what they share with what the question sees.
    """

    query_N: np.ndarray
    property_N: np.ndarray
    value_N: np.ndarray
    slot_N: np.ndarray
    neighbour_N: np.ndarray
    rows_M: np.ndarray
    query_M: np.ndarray
    overlap_M: np.ndarray


class ProductGraph:
    """Training products and their known triples; nothing else can be reached.

    A walk goes from a triple that a question sees to another product that has it too, rare
    ones more often. Of the products reached, those that share most with what the question sees
    are its neighbours. A product is no neighbour of its own, and a neighbour tells only of
    properties that the question does not see.

    Args:
        product: row of each triple, ascending.
        properties, values: ids of a catalog.
        width: more than any value id.
    """

    def __init__(
        self,
        product: np.ndarray,
        properties: np.ndarray,
        values: np.ndarray,
        width: int,
        groups: np.ndarray | None = None,
    ) -> None:
        self.width = width
        self.groups = groups
        self.keys, pair = np.unique(properties * width + values, return_inverse=True)
        self.rows, product = np.unique(product, return_inverse=True)
        counts = np.bincount(pair, minlength=len(self.keys))
        self.rarity = np.log((len(self.rows) + 1) / np.maximum(counts, 1))
        self.offsets = np.searchsorted(product, np.arange(len(self.rows) + 1))
        self.pairs = pair
        self.graph = _dgl().heterograph(
            {("pair", "of", "product"): (pair, product)},
            num_nodes_dict={"pair": len(self.keys), "product": len(self.rows)},
        )

    def neighbours(
        self, rows_Q: np.ndarray, query_N: np.ndarray, pair_N: np.ndarray, count: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Question, product (place in `rows`) and overlap of every neighbour, by question.

        Args:
            rows_Q: the product that each question is about.
            query_N: the question of each triple that it may see, ascending.
            pair_N: that triple, as a place in `keys`.
            count: neighbours of a question, at most.
            seed: of the walks.
        """
        import torch

        random, dgl = np.random.default_rng(seed), _dgl()
        total_N = np.cumsum(self.rarity[pair_N])
        ends_Q = np.searchsorted(query_N, np.arange(len(rows_Q)), "right")
        high_Q = np.concatenate([[0.0], total_N])[ends_Q]
        low_Q = np.concatenate([[0.0], high_Q[:-1]])
        draw_QM = random.random((len(rows_Q), max(WALKS, 2 * count)))
        draw_QM = low_Q[:, None] + draw_QM * (high_Q - low_Q)[:, None]
        some_Q = high_Q > low_Q
        place = np.searchsorted(total_N, draw_QM[some_Q].ravel(), "right")
        start = pair_N[np.minimum(place, len(pair_N) - 1)]
        query = np.repeat(np.flatnonzero(some_Q), max(WALKS, 2 * count))
        dgl.seed(seed)
        traces, _ = dgl.sampling.random_walk(self.graph, torch.from_numpy(start), metapath=["of"])
        key = np.unique(query * len(self.rows) + traces[:, 1].numpy())
        query, product = np.divmod(key, len(self.rows))
        other = self.rows[product] != rows_Q[query]
        if self.groups is not None:
            other &= self.groups[self.rows[product]] != self.groups[rows_Q[query]]
        query, product = query[other], product[other]
        overlap = self._overlap(query, product, query_N, pair_N)
        order = np.lexsort((-overlap + 1e-6 * random.random(len(overlap)), query))
        query, product, overlap = query[order], product[order], overlap[order]
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        kept = rank < count
        return query[kept], product[kept], overlap[kept]

    def told(
        self,
        rows_Q: np.ndarray,
        query_N: np.ndarray,
        property_N: np.ndarray,
        value_N: np.ndarray,
        count: int,
        seed: int,
    ) -> Told:
        """What `count` sampled neighbours of each question say.

        Args:
            query_N, property_N, value_N: the triples that each question may see.
        """
        key_N = property_N * self.width + value_N
        pair_N = np.minimum(np.searchsorted(self.keys, key_N), len(self.keys) - 1)
        known_N = self.keys[pair_N] == key_N
        query, product, overlap = self.neighbours(
            rows_Q, query_N[known_N], pair_N[known_N], count, seed
        )
        owner, pair = self._triples(product)
        properties = int(self.keys[-1]) // self.width + 1
        seen = np.unique(query_N * (properties + 1) + np.minimum(property_N, properties))
        slot = query[owner] * (properties + 1) + self.keys[pair] // self.width
        unseen = ~np.isin(slot, seen)
        order = np.flatnonzero(unseen)[np.argsort(slot[unseen], kind="stable")]
        owner, pair = owner[order], pair[order]
        _, slot = np.unique(slot[order], return_inverse=True)
        name, value = np.divmod(self.keys[pair], self.width)
        return Told(query[owner], name, value, slot, owner, self.rows[product], query, overlap)

    def _triples(self, product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts = self.offsets[product + 1] - self.offsets[product]
        owner = np.repeat(np.arange(len(product)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        return owner, self.pairs[self.offsets[product][owner] + within]

    def _overlap(
        self, query: np.ndarray, product: np.ndarray, query_N: np.ndarray, pair_N: np.ndarray
    ) -> np.ndarray:
        owner, pair = self._triples(product)
        seen = np.unique(query_N * len(self.keys) + pair_N)
        shared = np.isin(query[owner] * len(self.keys) + pair, seen)
        overlap: np.ndarray = np.bincount(
            owner[shared], self.rarity[pair[shared]], minlength=len(product)
        )
        return overlap


def _dgl() -> Any:
    os.environ.setdefault("DGLBACKEND", "pytorch")  # else dgl writes a settings file into HOME
    try:
        import dgl
    except ImportError as error:
        raise ConfigError(
            f"dgl, which samples neighbours, cannot be imported: {error}",
            where="model.structure.name",
            hint="pip install 'k3m-kg[dgl]' (Python < 3.12), or take `name: star`",
        ) from None
    return dgl
