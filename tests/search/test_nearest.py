"""Exact search is exact whatever the blocks; the graph finds nearly the same, grown or built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import ArtifactError
from k3m_kg.search import nearest
from k3m_kg.search.nearest import (
    Exact,
    NearestGraph,
    centred,
    empty_graph,
    graph_possible,
    read_graph,
)

needs_graph = pytest.mark.skipif(not graph_possible(), reason="usearch is not installed")


def vectors(count: int, width: int = 16, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (3 + random.standard_normal((count, width))).astype(np.float32)


def test_exact_search_is_that_of_one_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    things, queries = vectors(103), vectors(9, seed=1)
    middle = things.mean(0)
    scores = centred(queries, middle) @ centred(things, middle).T
    expected = np.argsort(-scores, 1, kind="stable")[:, :7]
    for rows, some in ((1 << 16, 256), (10, 2), (7, 100)):
        monkeypatch.setattr(nearest, "_ROWS_AT_ONCE", rows)
        monkeypatch.setattr(nearest, "_QUERIES_AT_ONCE", some)
        found, said = Exact(things, middle).find(queries, 7)
        assert (found == expected).all()
        assert np.allclose(said, np.take_along_axis(scores, expected, 1), atol=1e-6)
    found, _ = Exact(things[:3], middle).find(queries, 7)
    assert found.shape == (9, 3), "there are no more"


@needs_graph
def test_a_graph_finds_what_exact_search_finds(tmp_path: Path) -> None:
    things, queries = vectors(500), vectors(20, seed=1)
    middle = things.mean(0)
    keys = np.arange(500)[::-1] * 3 + 5
    made = empty_graph(16)
    made.add(keys, centred(things, middle))
    made.save(str(tmp_path / "graph"))
    graph = NearestGraph(read_graph(tmp_path / "graph", 16, 500), keys, middle)
    exact = Exact(things, middle).find(queries, 10)
    found = graph.find(queries, 10)
    same = [len({*a} & {*b}) for a, b in zip(exact[0].tolist(), found[0].tolist(), strict=True)]
    assert np.mean(same) > 9.5
    assert np.allclose(found[1][:, 0], exact[1][:, 0], atol=0.01)
    one, _ = graph.find(queries[:1], 10)
    assert (one[0] == found[0][0]).all(), "one alone as beside others"


@needs_graph
def test_a_file_that_is_no_index_is_said(tmp_path: Path) -> None:
    (tmp_path / "graph").write_bytes(b"nothing of the kind" * 9)
    with pytest.raises(ArtifactError, match="no index"):
        read_graph(tmp_path / "graph", 16, 500)
    empty_graph(8).save(str(tmp_path / "graph"))
    with pytest.raises(ArtifactError, match="other vectors"):
        read_graph(tmp_path / "graph", 16, 0)
