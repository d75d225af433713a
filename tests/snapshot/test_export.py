"""A snapshot as Parquet: everything in it, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from k3m_kg.errors import SnapshotError
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.records import ValueRecord
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot
from k3m_kg.snapshot import export as exporting
from k3m_kg.snapshot.export import export_snapshot
from k3m_kg.testing.shop import shop_snapshot

from .conftest import MemoryStore


def rows(out: Path, name: str) -> list[dict]:
    return pq.read_table(out / f"{name}.parquet").to_pylist()


@pytest.mark.parametrize("at_once", [7, 1 << 17])
def test_every_product_triple_and_picture_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(exporting, "_ROWS_AT_ONCE", at_once)
    cut = Snapshot.open(shop_snapshot(tmp_path, 40, holdout=0.2, validation=0.2, test=0.2))
    out = tmp_path / "out"
    counts = export_snapshot(cut, out, pictures=True)
    mark = ("known", "validation", "test")
    products = [cut.product(row) for row in range(len(cut))]
    assert rows(out, "products") == [
        {"id": p.id, "title": p.title, "category": p.category, "split": p.split} for p in products
    ]
    assert rows(out, "triples") == [
        {"product": p.id, "property": name, "value": value, "split": p.split, "holdout": mark[held]}
        for p in products
        for (name, value), held in zip(p.properties, p.holdout, strict=True)
    ]
    assert {row["holdout"] for row in rows(out, "triples")} == set(mark)
    images = rows(out, "images")
    assert [(row["product"], row["position"], row["hash"]) for row in images] == [
        (p.id, place, digest) for p in products for place, digest in enumerate(p.images)
    ]
    for row in images:
        with Image.open(out / row["file"]) as picture:
            stored = cut.image(int(cut.row_of([row["product"]])[0]), row["position"])
            assert np.array_equal(np.asarray(picture), np.asarray(stored))
    record = json.loads((out / "export.json").read_text("utf-8"))
    assert record == {"snapshot": cut.id, "counts": counts}
    assert counts["pictures"] == len(list((out / "pictures").iterdir()))
    assert (counts["links"], counts["facts"]) == (0, 0)
    assert pq.read_schema(out / "links.parquet").names[:3] == ["product", "property", "other"]


def test_links_and_facts_are_tables_too(tmp_path: Path) -> None:
    shop = [
        StoredProduct("bag", None, None, (("colour", "red"),), (), (("goes with", "cap"),)),
        StoredProduct("cap", None, None, (), (), ()),
    ]
    store = MemoryStore(shop, [ValueRecord("red", (("shade of", "warm"),))])
    built = build_snapshot(store, tmp_path, SnapshotSettings(validation=0, test=0, holdout=0))
    export_snapshot(built.snapshot, tmp_path / "out")
    (link,) = rows(tmp_path / "out", "links")
    assert link == {
        "product": "bag",
        "property": "goes with",
        "other": "cap",
        "split": "train",
        "holdout": "known",
    }
    assert rows(tmp_path / "out", "facts") == [
        {"value": "red", "property": "shade of", "other": "warm"}
    ]
    assert not (tmp_path / "out" / "pictures").exists()


def test_an_earlier_export_is_replaced_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = Snapshot.open(shop_snapshot(tmp_path, 12))
    out = tmp_path / "out"
    export_snapshot(cut, out, pictures=True)
    export_snapshot(cut, out)
    assert not (out / "pictures").exists()
    before = (out / "products.parquet").read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "_write_pictures", full)
        with pytest.raises(SnapshotError, match="No space left"):
            export_snapshot(cut, out, pictures=True)
    assert (out / "products.parquet").read_bytes() == before
    (out / "notes.txt").write_text("mine")
    with pytest.raises(SnapshotError):
        export_snapshot(cut, out)
    assert (out / "notes.txt").read_text() == "mine"
    assert [item.name for item in tmp_path.iterdir() if item.name.endswith(".part")] == []
