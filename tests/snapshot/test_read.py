"""Opening a snapshot: what is there, and one clear error where something is wrong."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import SnapshotError
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot, layout
from k3m_kg.snapshot.layout import FORMAT_VERSION

from .conftest import MemoryStore
from .forging import repair_hashes

FILES = layout.FILES[layout.WITHOUT_REJECTED]


@pytest.fixture
def snapshot(store: MemoryStore, tmp_path: Path) -> Snapshot:
    return build_snapshot(store, tmp_path / "out", SnapshotSettings(holdout=0.2)).snapshot


def test_opens_by_its_own_folder_and_by_the_folder_of_snapshots(snapshot: Snapshot) -> None:
    assert Snapshot.open(snapshot.path).id == snapshot.id
    assert Snapshot.open(str(snapshot.path.parent)).id == snapshot.id
    snapshot.verify()


def test_opens_from_within_its_folder(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """`k3m-kg snapshot verify .` called it damaged: the folder `.` has no name."""
    monkeypatch.chdir(snapshot.path)
    opened = Snapshot.open(".")
    assert opened.id == snapshot.id
    assert layout.cache_of(opened.path).resolve() == layout.cache_of(snapshot.path).resolve()


def test_pickles_as_its_path(snapshot: Snapshot) -> None:
    data = pickle.dumps(snapshot)
    assert len(data) < 2_000
    assert pickle.loads(data).id == snapshot.id


def test_rows_of_the_splits_are_every_row_once(snapshot: Snapshot) -> None:
    rows = np.concatenate([snapshot.rows(name) for name in ("train", "validation", "test")])
    assert rows.dtype == np.int64
    assert sorted(rows) == list(range(len(snapshot)))
    with pytest.raises(SnapshotError, match="Did you mean 'train'"):
        snapshot.rows("trian")


def test_row_of_names_the_unknown_ids_and_the_nearest(snapshot: Snapshot) -> None:
    assert snapshot.row_of(["id-0007", "id-0000"]).tolist() == [7, 0]
    assert snapshot.row_of([]).tolist() == []
    with pytest.raises(SnapshotError, match=r"'id-0x07'.*\n.*did you mean 'id-0"):
        snapshot.row_of(["id-0001", "id-0x07"])
    with pytest.raises(SnapshotError, match="'zzz', 'zzz', 'zzz' and 2,997 more"):
        snapshot.row_of(["zzz"] * 3_000)


def test_ids_are_like_a_list(snapshot: Snapshot) -> None:
    assert snapshot.ids[0] == "id-0000"
    assert snapshot.ids[-1] == "id-0199"
    assert snapshot.ids[1:3] == ["id-0001", "id-0002"]
    assert "id-0005" in snapshot.ids
    for place in (200, -201):
        with pytest.raises(IndexError):
            snapshot.ids[place]
        with pytest.raises(IndexError):
            snapshot.product(place)
        with pytest.raises(IndexError):
            snapshot.image(place)


def test_candidates_are_what_known_train_triples_take(snapshot: Snapshot) -> None:
    values, counts = snapshot.candidates()
    expected: list[Counter[int]] = [Counter() for _ in snapshot.properties]
    for triple, row in enumerate(snapshot.triple_product):
        if snapshot.split[row] == 0 and snapshot.triple_holdout[triple] == 0:
            expected[snapshot.triple_property[triple]][int(snapshot.triple_value[triple])] += 1
    assert len(values) == len(counts) == len(snapshot.properties)
    for found, times, counter in zip(values, counts, expected, strict=True):
        assert found.tolist() == sorted(counter)
        assert times.tolist() == [counter[value] for value in sorted(counter)]


def test_arrays_cannot_be_changed(snapshot: Snapshot) -> None:
    with pytest.raises(ValueError, match="read-only"):
        snapshot.split[0] = 1


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(snapshot: Snapshot, name: str) -> None:
    (snapshot.path / name).unlink()
    with pytest.raises(SnapshotError, match="hint"):
        Snapshot.open(snapshot.path)
    with pytest.raises(SnapshotError, match="hint"):
        Snapshot.open(snapshot.path.parent)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(snapshot: Snapshot, name: str, keep: float) -> None:
    data = (snapshot.path / name).read_bytes()
    (snapshot.path / name).write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(SnapshotError, match=f"{name}.*damaged"):
        Snapshot.open(snapshot.path)


@pytest.mark.parametrize("name", FILES)
def test_changed_content_of_the_same_size_is_found(snapshot: Snapshot, name: str) -> None:
    data = bytearray((snapshot.path / name).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (snapshot.path / name).write_bytes(data)
    with pytest.raises(SnapshotError, match=f"{name}.*damaged"):
        Snapshot.open(snapshot.path)
    with pytest.raises(SnapshotError, match=f"{name}.*damaged"):
        snapshot.verify()


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_garbage_is_an_error_and_no_crash(snapshot: Snapshot, name: str) -> None:
    size = (snapshot.path / name).stat().st_size
    (snapshot.path / name).write_bytes(np.random.default_rng(1).bytes(size))
    with pytest.raises(SnapshotError, match=f"{name}.*damaged"):
        Snapshot.open(snapshot.path)


def change_manifest(snapshot: Snapshot, **changes: object) -> None:
    path = snapshot.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_newer_format_says_so(snapshot: Snapshot) -> None:
    change_manifest(snapshot, format=FORMAT_VERSION + 1)
    with pytest.raises(SnapshotError, match="newer than this k3m-kg reads"):
        Snapshot.open(snapshot.path)


@pytest.mark.parametrize(
    "changes",
    [{"format": "one"}, {"files": {}}, {"files": None}, {"id": "0" * 64}, {"format": None}],
)
def test_a_manifest_that_makes_no_sense_is_refused(snapshot: Snapshot, changes) -> None:
    change_manifest(snapshot, **changes)
    with pytest.raises(SnapshotError, match="damaged"):
        Snapshot.open(snapshot.path)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, "\x00\xff"])
def test_a_manifest_that_is_no_manifest_is_refused(snapshot: Snapshot, text: str) -> None:
    (snapshot.path / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(SnapshotError, match="damaged"):
        Snapshot.open(snapshot.path)


@pytest.mark.parametrize("text", ["", "../../etc", "0" * 16, "é"])
def test_a_latest_that_names_nothing_lists_what_there_is(snapshot: Snapshot, text: str) -> None:
    (snapshot.path.parent / "latest").write_text(text)
    with pytest.raises(SnapshotError, match=snapshot.path.name):
        Snapshot.open(snapshot.path.parent)


def test_nothing_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no such snapshot"):
        Snapshot.open(tmp_path / "nowhere")
    with pytest.raises(SnapshotError, match="no snapshot in this folder"):
        Snapshot.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(SnapshotError, match="a file, not the folder"):
        Snapshot.open(tmp_path / "file")


def test_damaged_picture_is_an_error_that_names_it(snapshot: Snapshot) -> None:
    path = snapshot.path / "thumbnails.arrow"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x89PNG", b"XXXX"))
    repair_hashes(snapshot.path)
    with pytest.raises(SnapshotError, match=r"thumbnails.arrow.*picture 0"):
        Snapshot.open(snapshot.path).thumbnail(0)
