"""The nearest of many vectors by cosine: exactly, or by a graph that usearch walks (HNSW).

N vectors, Q queries, H wide. All are taken around one middle, as product vectors share a direction.
docs/decisions/0055-nearest-vectors.md
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from k3m_kg.errors import ArtifactError

LIBRARY = "usearch"
"""Of the extra `search`; without it vectors are compared one by one."""
WORTH = 20_000
"""From so many vectors on an index is made: of fewer all are compared in a millisecond or two."""
_CONNECTIVITY, _ADD, _SEARCH = 16, 128, 96
_ROWS_AT_ONCE = 1 << 16
_QUERIES_AT_ONCE = 1 << 8


class Nearest(Protocol):
    """Finds rows by vectors.

    Attributes:
        exact: whether none is missed.
    """

    exact: bool

    def find(self, queries_QH: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """(Q, K) rows, the nearest first, and cosines; K is `top`, or N where that is fewer.

        A row of -1 stands where an index found fewer.
        """
        ...


def centred(vectors_NH: np.ndarray, middle_H: np.ndarray) -> np.ndarray:
    """(N, H) float32 around the middle, of length 1 (0 where nothing is left)."""
    apart_NH: np.ndarray = vectors_NH.astype(np.float32) - middle_H
    lengths_N1 = np.linalg.norm(apart_NH, axis=1, keepdims=True)
    found: np.ndarray = apart_NH / np.maximum(lengths_N1, 1e-9)
    return found


class Exact:
    """Compares all, some rows and some queries at a time.

    Args:
        vectors_NH: may be mapped from a file.
        middle_H: what all are taken around.
    """

    exact = True

    def __init__(self, vectors_NH: np.ndarray, middle_H: np.ndarray) -> None:
        self._vectors, self._middle = vectors_NH, middle_H

    def find(self, queries_QH: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Nearest`; ties go to the earlier row."""
        count, top = len(self._vectors), min(top, len(self._vectors))
        queries = centred(queries_QH, self._middle)
        rows_QK = np.empty((len(queries), 0), np.int64)
        scores_QK = np.empty((len(queries), 0), np.float32)
        for start in range(0, count, _ROWS_AT_ONCE):
            things = centred(self._vectors[start : start + _ROWS_AT_ONCE], self._middle)
            parts = [
                _top(queries[q : q + _QUERIES_AT_ONCE] @ things.T, top)
                for q in range(0, max(1, len(queries)), _QUERIES_AT_ONCE)
            ]
            rows_QK = np.concatenate([rows_QK, start + np.concatenate([p[0] for p in parts])], 1)
            scores_QK = np.concatenate([scores_QK, np.concatenate([p[1] for p in parts])], 1)
            order = np.argsort(-scores_QK, 1, kind="stable")[:, :top]
            rows_QK = np.take_along_axis(rows_QK, order, 1)
            scores_QK = np.take_along_axis(scores_QK, order, 1)
        return rows_QK, scores_QK


def _top(scores_QN: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    if scores_QN.shape[1] > top:
        some = np.sort(np.argpartition(-scores_QN, top - 1, 1)[:, :top], 1)
    else:
        some = np.broadcast_to(np.arange(scores_QN.shape[1]), scores_QN.shape)
    scores = np.take_along_axis(scores_QN, some, 1)
    order = np.argsort(-scores, 1, kind="stable")
    return np.take_along_axis(some, order, 1), np.take_along_axis(scores, order, 1)


class NearestGraph:
    """usearch's index of vectors in 16 bits: some are missed, and few are looked at.

    Args:
        index: of usearch.
        keys_N: int64, ascending or not: what each row is called in the index.
        middle_H: what all are taken around.
    """

    exact = False

    def __init__(self, index: Any, keys_N: np.ndarray, middle_H: np.ndarray) -> None:
        self._index, self._middle = index, middle_H
        self._order = np.argsort(keys_N, kind="stable")
        self._keys = np.asarray(keys_N)[self._order]

    def find(self, queries_QH: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Nearest`.

        Raises:
            ArtifactError: the index is damaged.
        """
        queries = centred(queries_QH, self._middle)
        top = min(top, len(self._keys))
        self._index.expansion_search = max(_SEARCH, 2 * top)
        asked = np.repeat(queries, 2, 0) if len(queries) == 1 else queries
        found = self._index.search(asked, top, threads=1)  # of one query it gives another shape
        keys_QK = np.asarray(found.keys).astype(np.int64)
        at_QK = np.minimum(np.searchsorted(self._keys, keys_QK), len(self._keys) - 1)
        known_QK = self._keys[at_QK] == keys_QK
        known_QK &= np.arange(top) < np.asarray(found.counts)[:, None]
        at_QK, known_QK = at_QK[: len(queries)], known_QK[: len(queries)]
        apart_QK = np.asarray(found.distances)[: len(queries)]
        if not np.isfinite(apart_QK[known_QK]).all():
            raise ArtifactError(
                "the index of the kept vectors is damaged: it holds what is no number",
                hint="remove the folder; `k3m-kg embed ARTIFACT FOLDER.vectors` writes a new one",
            )
        rows_QK = np.where(known_QK, self._order[at_QK], -1)
        scores_QK = np.where(known_QK, 1 - apart_QK, -np.inf).astype(np.float32)
        return rows_QK, scores_QK


def graph_possible() -> bool:
    """Whether the library is installed."""
    return find_spec(LIBRARY) is not None


def empty_graph(width: int) -> Any:
    """An index without vectors."""
    from usearch.index import Index

    return Index(
        ndim=width,
        metric="cos",
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_ADD,
        expansion_search=_SEARCH,
    )


def read_graph(path: Path, width: int, count: int, *, change: bool = False) -> Any:
    """An index from its file: mapped, or in memory where it is to change.

    The file must be known to be what was written: a library reads it that trusts it.

    Raises:
        ArtifactError: it is no index of that many vectors of that width.
    """
    from usearch.index import Index

    try:
        # usearch's own texts name no file; whatever it raises means the same
        index: Any = Index.restore(str(path), view=not change)
    except Exception as error:
        raise ArtifactError(f"no index: {error}", where=str(path)) from None
    if index is None or index.ndim != width or len(index) != count:
        raise ArtifactError("an index of other vectors", where=str(path))
    index.expansion_add, index.expansion_search = _ADD, _SEARCH
    return index
