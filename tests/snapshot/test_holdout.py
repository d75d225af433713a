"""What held-out triples promise: always answerable, never all that is known of a product."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from k3m_kg.snapshot import SnapshotSettings, build_snapshot
from k3m_kg.snapshot.columns import offsets, whole_products
from k3m_kg.snapshot.holdout import TripleBatch, hold_out, triple_hashes

from .conftest import MemoryStore, product

triples = st.sets(
    st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(0, 6)), max_size=120
).map(lambda items: np.array(sorted(items), dtype=np.int64).reshape(-1, 3))


def drawn(items: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    numbers = items.astype(np.uint64)
    hashes = triple_hashes(numbers[:, 0], numbers[:, 1], numbers[:, 2])
    whole = TripleBatch(items[:, 0], items[:, 1], items[:, 2], hashes)
    return hold_out(lambda: [whole], share, seed)


@given(triples, st.floats(0, 0.999), st.integers(0, 3))
@settings(max_examples=150)
def test_known_triples_keep_every_product_and_every_value_of_a_property(items, share, seed) -> None:
    known = items[drawn(items, share, seed) == 0]
    assert set(known[:, 0]) == set(items[:, 0])
    assert set(map(tuple, known[:, 1:])) == set(map(tuple, items[:, 1:]))


@given(triples, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_the_triples_does_not_matter(items: np.ndarray, random) -> None:
    order = list(range(len(items)))
    random.shuffle(order)
    assert drawn(items, 0.5)[order].tolist() == drawn(items[order], 0.5).tolist()


def test_the_share_is_met_one_half_each() -> None:
    rng = np.random.default_rng(0)
    items = np.stack(
        [
            np.repeat(np.arange(4_000), 10),
            np.tile(np.arange(10), 4_000),
            rng.integers(0, 9, 40_000),
        ],
        axis=1,
    )
    for share in (0.05, 0.5):
        counts = np.bincount(drawn(items, share), minlength=3) / len(items)
        assert np.abs(counts - [1 - share, share / 2, share / 2]).max() < 0.01
    assert not drawn(items, 0.0).any()


def test_only_triples_of_train_products_are_held_out(tmp_path: Path) -> None:
    store = MemoryStore(
        [
            product(f"{n:04}", None, tuple((f"p{k}", f"v{(n + k) % 5}") for k in range(4)))
            for n in range(500)
        ]
    )
    snapshot = build_snapshot(store, tmp_path, SnapshotSettings(holdout=0.5)).snapshot
    held = snapshot.triple_holdout > 0
    assert held.any()
    assert (snapshot.split[snapshot.triple_product[held]] == 0).all()
    values, _ = snapshot.candidates()
    for name, value in zip(
        snapshot.triple_property[held], snapshot.triple_value[held], strict=True
    ):
        assert value in values[name]
    nothing = build_snapshot(store, tmp_path, SnapshotSettings(holdout=0)).snapshot
    assert not nothing.triple_holdout.any()


@given(triples, st.floats(0, 0.999), st.integers(1, 40))
@settings(max_examples=100)
def test_how_many_products_go_at_a_time_does_not_matter(items, share, at_once) -> None:
    numbers = items.astype(np.uint64)
    hashes = triple_hashes(numbers[:, 0], numbers[:, 1], numbers[:, 2])
    counts = np.bincount(items[:, 0], minlength=13)

    def batches() -> Iterator[TripleBatch]:
        places = offsets(counts)
        for first, last in whole_products(places, at_once):
            part = slice(places[first], places[last])
            yield TripleBatch(*items[part].T, hashes[part])

    assert hold_out(batches, share, 0).tolist() == drawn(items, share).tolist()


def test_batches_are_of_whole_products_and_hold_one_at_least() -> None:
    places = offsets([0, 5, 1, 0, 0, 2, 9, 0])
    assert list(whole_products(places, 6)) == [(0, 5), (5, 6), (6, 7), (7, 8)]
    assert list(whole_products(places, 1)) == [(0, 1), (1, 2), (2, 5), (5, 6), (6, 7), (7, 8)]
    assert list(whole_products(offsets([]), 1)) == []
