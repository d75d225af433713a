"""Values that people rejected, from the graph through the snapshot into a batch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import SnapshotError
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.snapshot import Snapshot, layout
from k3m_kg.snapshot.build import build_snapshot
from k3m_kg.snapshot.settings import SnapshotSettings
from tests.snapshot.conftest import MemoryStore


def rejections(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    owner = np.repeat(np.arange(len(snapshot)), np.diff(snapshot.rejected_offsets))
    return [
        (snapshot.ids[row], snapshot.properties[name], snapshot.values[value])
        for row, name, value in zip(
            owner.tolist(),
            snapshot.rejected_property.tolist(),
            snapshot.rejected_value.tolist(),
            strict=True,
        )
    ]


def test_what_people_rejected_travels_and_what_they_take_back_does_not(tmp_path: Path) -> None:
    store, _ = GraphStore.create(f"sqlite:///{tmp_path / 'graph.db'}")
    with store.writing() as writer:
        session = writer.session(SourceVersion("shop.csv", "csv", "d"), lambda images: [])
        records = [
            ProductRecord(f"P{n}", f"shirt {n}", None, (), (("colour", "red"), ("size", "M")))
            for n in range(9)
        ]
        session.write([Statement(record) for record in records])
        session.finish(0)
    before = build_snapshot(store, tmp_path / "a").snapshot
    assert before.manifest["format"] == 2
    assert not len(before.rejected_value)
    assert len(before.rejected_offsets) == 10
    desk = ReviewDesk(store, clock=lambda: 0.0)
    desk.add(
        "m",
        [
            ReviewOffer("P1", "material", "steel", 0.6),
            ReviewOffer("P2", "colour", "blue", 0.7, stated="red"),
            ReviewOffer("P3", "material", "glass", 0.8),
        ],
    )
    items = {item.product: item.id for item in desk.next("ann", 3)}
    desk.decide("ann", [items["P1"]], DecidedAs.REJECT)
    desk.decide("ann", [items["P2"]], DecidedAs.CORRECT, "green")
    desk.decide("ann", [items["P3"]], DecidedAs.REJECT)
    desk.undo("ann")
    snapshot = build_snapshot(store, tmp_path / "b").snapshot
    assert snapshot.manifest["format"] == 3
    assert snapshot.manifest["counts"]["rejected"] == 3
    assert rejections(snapshot) == [
        ("P1", "material", "steel"),
        ("P2", "colour", "blue"),
        ("P2", "colour", "red"),
    ]
    assert ("colour", "green") in snapshot.product(2).properties
    snapshot.verify()
    known = {snapshot.properties.index("material")}
    assert not known & set(snapshot.triple_property.tolist())
    desk.undo("ann")
    desk.undo("ann")
    assert build_snapshot(store, tmp_path / "c").snapshot.id == before.id


def test_a_rejected_category_is_one_where_categories_are_triples(store: MemoryStore) -> None:
    store.products[0] = replace(store.products[0], rejected=((None, "Shoes"), ("p", "xylo")))
    folder = Path(store.products[1].images[0].path or "").parent
    found = build_snapshot(store, folder / "a").snapshot
    assert [pair[1:] for pair in rejections(found)] == [("category", "Shoes"), ("p", "xylo")]
    plain = build_snapshot(store, folder / "b", SnapshotSettings(category=False)).snapshot
    assert [pair[1:] for pair in rejections(plain)] == [("p", "xylo")]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("rejected_value", [2**20]),
        ("rejected_property", [-1]),
        ("rejected_offsets", None),
    ],
)
def test_rejected_values_that_point_nowhere_are_refused(
    store: MemoryStore, name: str, damage: list[int] | None
) -> None:
    store.products[0] = replace(store.products[0], rejected=(("p", "xylo"),))
    folder = Path(store.products[1].images[0].path or "").parent
    built = build_snapshot(store, folder / "cut").snapshot
    path = built.path / f"{name}.npy"
    array = np.load(path)
    array = array[::-1] if damage is None else np.array(damage, array.dtype)
    np.save(path, array)
    manifest = json.loads((built.path / layout.MANIFEST).read_text())
    manifest["files"][f"{name}.npy"] = layout.describe_files(built.path, 3)[f"{name}.npy"]
    manifest["id"] = layout.content_id(manifest["files"], 3)
    (built.path / layout.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(SnapshotError, match=name):
        Snapshot.open(built.path)
