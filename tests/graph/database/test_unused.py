"""A database of which nothing came is taken back, and never from under somebody."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import GraphError
from k3m_kg.graph.store import GraphStore


def test_alone(tmp_path: Path) -> None:
    store, _ = GraphStore.create(f"sqlite:///{tmp_path}/g.db")
    assert store.remove_unused()
    assert list(tmp_path.iterdir()) == []
    assert not store.remove_unused()


def test_somebody_else_reads_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/g.db"
    store, _ = GraphStore.create(url)
    with GraphStore.open(url) as other, other.reading():
        assert not store.remove_unused()
    assert (tmp_path / "g.db").exists()
    assert store.remove_unused()


def test_who_opened_it_before_cannot_write_into_nothing(tmp_path: Path) -> None:
    """Without this a second process would commit into a file that has no name any more."""
    url = f"sqlite:///{tmp_path}/g.db"
    store, _ = GraphStore.create(url)
    with GraphStore.open(url) as other:
        other.status()  # a pooled connection is open, and idle
        (tmp_path / "g.db").unlink()
        with pytest.raises(GraphError, match="removed by another process"), other.writing():
            pass
    store.close()
