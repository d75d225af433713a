"""Triples between products and triples of values in a snapshot."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k3m_kg.errors import SnapshotError
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.records import ValueRecord
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot, layout
from k3m_kg.snapshot.holdout import hold_out_links, triple_hashes

from .conftest import MemoryStore


def linked(id: str, *links: tuple[str, str], value: str | None = "red") -> StoredProduct:
    triples = (("colour", value),) if value else ()
    return StoredProduct(id, None, None, triples, (), links)


SHOP = [
    linked("bag", ("variant", "bag-s"), ("goes with", "cap"), ("variant", "bag-l")),
    linked("bag-l"),
    linked("bag-s", ("variant of", "bag")),
    linked("cap", ("goes with", "gone"), ("worn by", "nobody"), value=None),
]
VALUES = [
    ValueRecord("red", (("shade of", "warm"), ("opposite", "green"))),
    ValueRecord("green", (("opposite", "red"),)),
]


def test_keeps_links_and_facts_and_counts_them(tmp_path: Path) -> None:
    built = build_snapshot(MemoryStore(SHOP, VALUES), tmp_path, SnapshotSettings(holdout=0))
    snapshot = Snapshot.open(built.snapshot.path)
    assert [snapshot.product(row).links for row in range(4)] == [*[p.links for p in SHOP[:3]], ()]
    assert snapshot.link_offsets.tolist() == [0, 3, 3, 4, 4]
    assert snapshot.link_head.tolist() == [0, 0, 0, 2]
    assert snapshot.link_product.tolist() == [2, 3, 1, 0]
    names, values = snapshot.properties, snapshot.values
    columns = (snapshot.fact_head, snapshot.fact_property, snapshot.fact_tail)
    facts = [(values[h], names[p], values[t]) for h, p, t in zip(*columns, strict=True)]
    assert facts == [
        ("green", "opposite", "red"),
        ("red", "opposite", "green"),
        ("red", "shade of", "warm"),
    ]
    counts = snapshot.manifest["counts"]
    assert (counts["triples"], counts["links"], counts["facts"]) == (3, 4, 3)
    for name, kind in layout.LINK_ARRAYS.items():
        assert getattr(snapshot, name).dtype == np.dtype(kind)


def test_links_to_products_that_the_graph_lacks_are_left_out_and_noted(tmp_path: Path) -> None:
    built = build_snapshot(MemoryStore(SHOP), tmp_path)
    (note,) = [note for note in built.notes if "the graph lacks" in note["message"]]
    assert (note["count"], note["products"]) == (2, ["gone", "nobody"])
    assert "worn by" not in built.snapshot.properties


def test_the_order_of_products_and_values_does_not_change_the_bytes(tmp_path: Path) -> None:
    store = MemoryStore([*SHOP], [*VALUES])
    first = build_snapshot(store, tmp_path / "one", SnapshotSettings(holdout=0.5)).snapshot
    random.Random(3).shuffle(store.products)
    store.values.reverse()
    second = build_snapshot(store, tmp_path / "two", SnapshotSettings(holdout=0.5)).snapshot
    assert first.id == second.id


def test_many_links_span_several_batches(tmp_path: Path) -> None:
    count = layout.ROWS_PER_BATCH * 2 + 10
    products = [
        linked(f"{number:06}", ("next", f"{(number * 7 + 1) % count:06}"))
        for number in range(count)
    ]
    snapshot = build_snapshot(MemoryStore(products, VALUES), tmp_path).snapshot
    assert snapshot.link_product.tolist() == [(n * 7 + 1) % count for n in range(count)]
    assert len(snapshot.fact_head) == 3


links = st.sets(
    st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(0, 12)), max_size=100
).map(lambda items: np.array(sorted(items), dtype=np.int64).reshape(-1, 3))


def drawn(items: np.ndarray, share: float, settled: np.ndarray, seed: int = 0) -> np.ndarray:
    numbers = items.astype(np.uint64)
    hashes = triple_hashes(numbers[:, 0], numbers[:, 1], numbers[:, 2])
    return hold_out_links(items[:, 0], items[:, 1], items[:, 2], hashes, share, seed, settled)


@given(links, st.floats(0, 0.999), st.sets(st.integers(0, 12)), st.integers(0, 3))
@settings(max_examples=150)
def test_known_links_keep_every_property_and_every_product(items, share, known, seed) -> None:
    settled = np.isin(np.arange(13), list(known))
    kept = items[drawn(items, share, settled, seed) == 0]
    assert set(kept[:, 1]) == set(items[:, 1])
    assert set(kept[:, [0, 2]].ravel()) >= set(items[:, [0, 2]].ravel()) - known


@given(links, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_the_links_does_not_matter(items: np.ndarray, random) -> None:
    order = list(range(len(items)))
    random.shuffle(order)
    settled = np.arange(13) % 2 == 0
    assert drawn(items, 0.5, settled)[order].tolist() == drawn(items[order], 0.5, settled).tolist()


def test_only_links_between_train_products_are_held_out(tmp_path: Path) -> None:
    products = [
        linked(f"{n:04}", *((f"p{k}", f"{(n * 3 + k) % 400:04}") for k in range(4)))
        for n in range(400)
    ]
    chosen = SnapshotSettings(holdout=0.4)
    snapshot = build_snapshot(MemoryStore(products), tmp_path, chosen).snapshot
    held = snapshot.link_holdout > 0
    train = snapshot.split == 0
    between = train[snapshot.link_head] & train[snapshot.link_product]
    assert between[held].all()
    assert abs(held.sum() / between.sum() - 0.4) < 0.05
    counted = snapshot.manifest["counts"]["link_holdout"]
    assert counted == {
        "validation": int((snapshot.link_holdout == 1).sum()),
        "test": int((snapshot.link_holdout == 2).sum()),
    }


def as_first_format(snapshot: Snapshot) -> str:
    """Turn a snapshot's folder into what format 1 had; gives the id back."""
    for name in layout.LINK_ARRAYS:
        (snapshot.path / f"{name}.npy").unlink()
    path = snapshot.path / layout.MANIFEST
    manifest = json.loads(path.read_text())
    files = {name: manifest["files"][name] for name in layout.FILES[1]}
    manifest |= {"format": 1, "files": files, "id": layout.content_id(files, 1)}
    path.write_text(json.dumps(manifest))
    return str(manifest["id"])


def test_a_snapshot_of_format_1_opens_without_links(store: MemoryStore, tmp_path: Path) -> None:
    built = build_snapshot(store, tmp_path).snapshot
    triples = built.triple_value.tolist()
    old_id = as_first_format(built)
    snapshot = Snapshot.open(built.path)
    snapshot.verify()
    assert snapshot.id == old_id != built.id
    assert snapshot.triple_value.tolist() == triples
    assert snapshot.product(3).links == ()
    assert not snapshot.link_offsets.any()
    assert len(snapshot.link_offsets) == len(snapshot) + 1
    assert len(snapshot.link_head) == len(snapshot.fact_head) == 0
    with (built.path / "split.npy").open("ab") as file:
        file.write(b"x")
    with pytest.raises(SnapshotError, match=r"split\.npy"):
        Snapshot.open(built.path)


@pytest.mark.realdata
def test_the_luma_shop_keeps_its_variants(data_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "magento-luma" / "products.csv"
    url = f"sqlite:///{tmp_path / 'luma.db'}"
    store, _ = GraphStore.create(url)
    with store, Quarantine(None) as quarantine:
        ingest(store, [source], IngestOptions(), quarantine=quarantine)
        built = build_snapshot(store, tmp_path / "out", SnapshotSettings(holdout=0.1))
        expected = {product.id: product.links for product in store.iter_products()}
    snapshot = built.snapshot
    assert len(snapshot.link_product) == 1847
    for row in range(len(snapshot)):
        product = snapshot.product(row)
        assert product.links == expected[product.id]
    assert snapshot.manifest["counts"]["link_holdout"]["test"] > 30
