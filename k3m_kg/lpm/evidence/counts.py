"""How often each feature goes with each candidate value, over the training products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from k3m_kg.contracts import Catalog, ModalityData
from k3m_kg.lpm.evidence.features import NOTHING, is_word, property_of, triple_numbers
from k3m_kg.lpm.questions import ProductSource, Triples

MOST_PRODUCTS = 200_000
"""Training products that are counted; of more, so many at random."""
MOST_FEATURES = 1 << 18
MOST_CELLS = 1 << 23
"""Pairs of feature and value that are kept, the commonest: each is a weight."""
_TOGETHER = 4096


@dataclass(frozen=True, slots=True)
class Counts:
    """F features, V columns (a candidate value of a property each) and X cells.

    Attributes:
        column_V: int64, ascending: the numbers of candidate values, as if they were triples.
        often_V: int64, how many training triples have each.
        feature_F: int64, ascending: numbers of features.
        often_F: int64, how many training products have each.
        kind_F: int64, the property of a triple; of a word, the number of properties.
        cell_X: int64, ascending: feature times V plus column.
        count_X: int64, how many training products have the feature and the value.
    """

    column_V: np.ndarray
    often_V: np.ndarray
    feature_F: np.ndarray
    often_F: np.ndarray
    kind_F: np.ndarray
    cell_X: np.ndarray
    count_X: np.ndarray

    @classmethod
    def nothing(cls) -> Counts:
        """Before anything is counted."""
        none = np.empty(0, np.int64)
        return cls(none, none, none, none, none, none, none)


def count(
    catalog: Catalog,
    source: ProductSource,
    modalities: Mapping[str, ModalityData],
    rows: np.ndarray,
) -> Counts:
    """Count over training products.

    Args:
        catalog: the training catalog.
        source: has the products' known triples.
        modalities: those with words are read.
        rows: the training products.
    """
    from scipy import sparse

    rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST_PRODUCTS])
    column_V = np.concatenate(
        [_numbers(name, values) for name, values in enumerate(catalog.candidates)]
        or [np.empty(0, np.int64)]
    )
    often_V = np.concatenate([*catalog.counts, np.empty(0, np.int64)]).astype(np.int64)
    product, number, answers = _features(source, modalities, rows)
    feature_F, place, often_F = np.unique(number, return_inverse=True, return_counts=True)
    kept_F = np.sort(np.argsort(-often_F, kind="stable")[:MOST_FEATURES])
    new_F = np.full(len(feature_F), NOTHING, np.int64)
    new_F[kept_F] = np.arange(len(kept_F))
    feature_F, often_F, place = feature_F[kept_F], often_F[kept_F], new_F[place]
    seen = place >= 0

    def matrix(rows_N: np.ndarray, columns_N: np.ndarray, width: int) -> sparse.csr_matrix:
        ones = np.ones(len(rows_N), np.int64)
        found = sparse.csr_matrix((ones, (rows_N, columns_N)), (len(rows), width))
        found.data[:] = 1  # a product has what it has once
        return found

    has = matrix(product[seen], place[seen], len(feature_F))
    owner, value = answers
    column = np.minimum(np.searchsorted(column_V, value), len(column_V) - 1)
    known = column_V[column] == value if len(column_V) else np.zeros(len(value), bool)
    truth = matrix(owner[known], column[known], len(column_V))
    cells = (has.T @ truth).tocoo()
    own = column_V[cells.col] == feature_F[cells.row]  # a value does not speak for itself
    cell, counted = cells.row[~own].astype(np.int64) * len(column_V) + cells.col[~own], cells.data
    counted = counted[~own]
    if len(cell) > MOST_CELLS:
        kept = np.argsort(-counted, kind="stable")[:MOST_CELLS]
        cell, counted = cell[kept], counted[kept]
    order = np.argsort(cell)
    words_F = is_word(feature_F)
    kind_F = np.where(words_F, len(catalog.properties), property_of(feature_F))
    return Counts(column_V, often_V, feature_F, often_F, kind_F, cell[order], counted[order])


def _numbers(name: int, values: np.ndarray) -> np.ndarray:
    ids = torch.from_numpy(values.astype(np.int64))
    return triple_numbers(torch.full_like(ids, name), ids).numpy()


def _features(
    source: ProductSource, modalities: Mapping[str, ModalityData], rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Product (place in `rows`) and number of all features, and the same of all answers."""
    known = Triples.of(source, rows)
    owner = np.searchsorted(rows, known.rows)
    triples = triple_numbers(
        torch.from_numpy(known.properties), torch.from_numpy(known.values)
    ).numpy()
    products, numbers = [owner], [triples]
    for data in modalities.values():
        for start in range(0, len(rows), _TOGETHER):
            found = data.words(rows[start : start + _TOGETHER])
            if found is None:
                break
            words, begins = found
            product, place = np.nonzero(begins & (words >= 0))
            products.append(product + start)
            numbers.append(words[product, place])
    return np.concatenate(products), np.concatenate(numbers), (owner, triples)
