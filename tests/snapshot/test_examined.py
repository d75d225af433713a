"""A snapshot is examined once: by whom, when again, and what it does not let through."""

from __future__ import annotations

import io
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from k3m_kg.errors import SnapshotError
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot, examined, layout, read

from .conftest import MemoryStore
from .forging import repair_hashes


@pytest.fixture
def folder(store: MemoryStore, tmp_path: Path) -> Path:
    return build_snapshot(store, tmp_path / "out", SnapshotSettings(holdout=0.2)).snapshot.path


@pytest.fixture
def examinations(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that are examined, in a process that remembers nothing."""
    seen: list[Path] = []
    check = layout.check_hashes

    def counted(folder: Path, manifest: dict[str, object]) -> None:
        seen.append(folder)
        check(folder, manifest)

    monkeypatch.setattr(layout, "check_hashes", counted)
    monkeypatch.setattr(examined, "_REMEMBERED", set())
    return seen


def test_what_was_just_built_is_not_examined(folder: Path, examinations: list[Path]) -> None:
    Snapshot.open(folder)
    assert examinations == []


def test_a_copy_is_examined_once(folder: Path, tmp_path: Path, examinations: list[Path]) -> None:
    shutil.copytree(folder.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / folder.name
    Snapshot.open(copy)
    assert examinations == [copy]
    examined._REMEMBERED.clear()
    Snapshot.open(copy)
    assert examinations == [copy]


def test_without_a_folder_for_the_marker_the_process_remembers(
    folder: Path, tmp_path: Path, examinations: list[Path]
) -> None:
    copy = tmp_path / "copy" / folder.name
    shutil.copytree(folder, copy)
    layout.cache_of(copy).write_text("in the way")
    Snapshot.open(copy)
    opened = Snapshot.open(copy)
    assert examinations == [copy]
    sent = pickle.dumps(opened)
    examined._REMEMBERED.clear()  # as in a worker that was started anew
    pickle.loads(sent)
    assert examinations == [copy]


@pytest.mark.parametrize("name", [*layout.FILES[layout.WITHOUT_REJECTED], layout.MANIFEST])
def test_a_file_that_was_written_to_is_examined_again_whatever_its_time(
    folder: Path, examinations: list[Path], name: str
) -> None:
    found = (folder / name).stat()
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data)
    os.utime(folder / name, ns=(found.st_atime_ns, found.st_mtime_ns))
    Snapshot.open(folder)
    assert examinations == [folder]


@pytest.mark.parametrize("text", ["", "x", "0" * 65, "é", "\0"])
def test_a_marker_that_does_not_match_says_nothing(
    folder: Path, examinations: list[Path], text: str
) -> None:
    layout.marker_of(folder).write_text(text)
    Snapshot.open(folder)
    assert examinations == [folder]


def test_examine_reads_everything_though_it_is_remembered(
    folder: Path, examinations: list[Path]
) -> None:
    Snapshot.examine(folder)
    assert examinations == [folder]


def edit(folder: Path, name: str, place: int, number: int) -> None:
    """Set one number of an array, with hashes that fit."""
    array = np.load(folder / f"{name}.npy")
    array[place] = number
    np.save(folder / f"{name}.npy", array)
    repair_hashes(folder)


@pytest.mark.parametrize(
    ("name", "place", "number", "message"),
    [
        ("triple_offsets", 3, 10**6, "do not ascend"),
        ("triple_offsets", 3, -1, "do not ascend"),
        ("triple_offsets", 0, 1, "does not cover"),
        ("image_offsets", -1, 0, "does not cover"),
        ("triple_property", 0, -1, "not in 0 to 5"),
        ("triple_property", 0, 6, "not in 0 to 5"),
        ("triple_value", 0, -1, "not in 0 to"),
        ("image_thumbnail", 0, 2**31 - 1, "not in 0 to"),
        ("split", 0, 3, "not in 0 to 2"),
        ("triple_holdout", 0, 255, "not in 0 to 2"),
    ],
)
def test_a_number_that_points_elsewhere_is_found(
    folder: Path, name: str, place: int, number: int, message: str
) -> None:
    edit(folder, name, place, number)
    with pytest.raises(SnapshotError, match=f"{name}.npy.*{message}"):
        Snapshot.open(folder)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(200, "<i4"),
        np.zeros(200, ">i8"),
        np.zeros((200, 1), "u1"),
        np.zeros(200, "S1"),
        np.array([{}] * 200, object),
        np.zeros(199, "u1"),
        np.asfortranarray(np.zeros((200, 2), "u1")),
    ],
    ids=str,
)
def test_an_array_of_another_kind_is_found(folder: Path, array: np.ndarray) -> None:
    np.save(folder / "split.npy", array)
    repair_hashes(folder)
    with pytest.raises(SnapshotError, match=r"split\.npy"):
        Snapshot.open(folder)


def rewrite(folder: Path, name: str, table: pa.Table, **options: object) -> None:
    with (
        pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer,
    ):
        writer.write_table(table, max_chunksize=layout.ROWS_PER_BATCH)
    repair_hashes(folder)


def test_compressed_batches_are_refused_before_they_are_unpacked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = layout.TABLES["values"]
    bomb = pa.table({"text": pa.array(["a" * 100_000_000], pa.string())}, schema=schema)
    rewrite(folder, "values", bomb, compression="zstd")
    monkeypatch.setattr(read, "map_table", lambda folder, name: pytest.fail("unpacked"))
    with pytest.raises(SnapshotError, match=r"values.arrow.*compressed"):
        Snapshot.open(folder)


def test_texts_that_do_not_ascend_are_found(folder: Path) -> None:
    with pa.memory_map(str(folder / "properties.arrow")) as source:
        texts = pa.ipc.open_file(source).read_all()["text"].to_pylist()
    schema = layout.TABLES["properties"]
    for wrong in (texts[::-1], [*texts[:-1], texts[0]]):
        rewrite(folder, "properties", pa.table({"text": wrong}, schema=schema))
        with pytest.raises(SnapshotError, match=r"properties.arrow.*does not ascend"):
            Snapshot.open(folder)


def test_null_where_none_may_be_is_found(folder: Path) -> None:
    with pa.memory_map(str(folder / "values.arrow")) as source:
        texts = pa.ipc.open_file(source).read_all()["text"].to_pylist()
    texts[3] = None
    rewrite(folder, "values", pa.table({"text": texts}, schema=layout.TABLES["values"]))
    with pytest.raises(SnapshotError, match=r"values.arrow.*missing in some rows"):
        Snapshot.open(folder)


def test_a_stored_picture_larger_than_any_is_not_decoded(folder: Path) -> None:
    with pa.memory_map(str(folder / "thumbnails.arrow")) as source:
        hashes = pa.ipc.open_file(source).read_all()["hash"].to_pylist()
    large = io.BytesIO()
    Image.new("L", (12_000, 12_000)).save(large, "PNG")
    columns = {"hash": hashes, "data": [large.getvalue()] * len(hashes)}
    rewrite(folder, "thumbnails", pa.table(columns, schema=layout.TABLES["thumbnails"]))
    with pytest.raises(SnapshotError, match="picture 0: 12000 x 12000"):
        Snapshot.open(folder).thumbnail(0)


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 2, "files": 1e400}',
        '{"format": 1e400}',
        '{"format": true}',
        '{"format": 2, "id": "\\ud800"}',
        '{"format": 2, "files": ' + "9" * 10_000 + "}",
        "[" * 9_000 + "]" * 9_000,
    ],
)
def test_a_manifest_of_odd_numbers_is_refused(folder: Path, text: str) -> None:
    (folder / layout.MANIFEST).write_text(text)
    with pytest.raises(SnapshotError, match="damaged"):
        Snapshot.open(folder)


@pytest.mark.parametrize("path", ["a\0b", "~nobody-of-that-name/x", "x" * 6_000, "/x" * 3_000])
def test_a_path_that_cannot_be_one_is_an_error(path: str) -> None:
    with pytest.raises(SnapshotError):
        Snapshot.open(path)
