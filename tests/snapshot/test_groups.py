"""Draws by group: products that share a title or a picture are drawn together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from k3m_kg.graph.stored import StoredProduct
from k3m_kg.snapshot.groups import draws_by_group
from k3m_kg.snapshot.validation_parts import PROOF, ValidationParts
from tests.evaluation.shop import shop_snapshot


def in_pairs(product: StoredProduct) -> StoredProduct:
    """Two products at a time have one title, written differently."""
    number = int(product.id[1:])
    return replace(product, title=("  A Cup " if number % 2 else "a cup ") + str(number // 2))


def test_products_with_one_title_are_drawn_together_and_by_content(tmp_path: Path) -> None:
    snapshot = shop_snapshot(tmp_path, 60, in_pairs)
    rows = np.arange(60)
    draws = draws_by_group(snapshot, rows, "test")
    assert (draws[::2] == draws[1::2]).all()
    assert len(set(draws.tolist())) > 20
    assert ((draws >= 0) & (draws < 1)).all()
    assert (draws_by_group(snapshot, rows[::-1], "test")[::-1] == draws).all()
    assert (draws_by_group(snapshot, rows, "else") != draws).any()
    larger = shop_snapshot(tmp_path / "more", 80, in_pairs)
    assert (draws_by_group(larger, rows, "test") == draws).all()


def test_parts_of_validation_share_no_group(tmp_path: Path) -> None:
    snapshot = shop_snapshot(tmp_path, 60, in_pairs)
    rows = np.arange(60)
    parts = ValidationParts.of(snapshot, np.concatenate([rows, rows]))
    assert parts.rows.tolist() == rows.tolist()
    fold = parts.fold(rows)
    assert set(fold.tolist()) == {0, 1, PROOF}
    assert (fold[::2] == fold[1::2]).all()
    assert ValidationParts.of(snapshot, rows[:0]).fold(rows[:0]).tolist() == []
