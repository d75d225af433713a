"""The content store: whole or not at all, once, from several processes."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.pictures.content_store import ContentStore, TooLargeError


def files(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def test_a_file_lies_under_the_hash_of_its_content(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "images")
    stored = store.add([b"pic", b"ture"], 100)
    digest = hashlib.sha256(b"picture").hexdigest()
    assert stored.path == str(tmp_path / "images" / digest[:2] / digest[2:])
    assert Path(stored.path).read_bytes() == b"picture"
    assert (stored.digest, stored.size) == (digest, 7)
    assert store.find(digest) == stored
    assert store.find("0" * 64) is None


def test_storing_again_changes_nothing(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    first = store.add([b"picture"], 100)
    os.utime(first.path, ns=(1, 1))
    again = store.add([b"picture"], 100)
    assert again.mtime_ns == 1
    assert len(files(tmp_path)) == 1


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    first = store.add([b"picture"], 100)
    Path(first.path).write_bytes(b"")
    store.add([b"picture"], 100)
    assert Path(first.path).read_bytes() == b"picture"


def test_too_much_leaves_nothing(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    with pytest.raises(TooLargeError):
        store.add(iter([b"12345"] * 3), 14)
    assert files(tmp_path) == []


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        ContentStore(tmp_path).add(broken(), 100)
    assert files(tmp_path) == []


def test_a_dry_run_sees_the_store_and_writes_elsewhere(tmp_path: Path) -> None:
    real = ContentStore(tmp_path / "images")
    known = real.add([b"known"], 100)
    before = files(tmp_path / "images")
    rehearsal = ContentStore(tmp_path / "images", scratch=tmp_path / "scratch")
    assert rehearsal.find(known.digest) == known
    assert rehearsal.add([b"known"], 100) == known
    new = rehearsal.add([b"new"], 100)
    assert new.path.startswith(str(tmp_path / "scratch"))
    assert rehearsal.find(new.digest) == new
    assert files(tmp_path / "images") == before


def test_a_store_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file")
    with pytest.raises(CatalogError, match="cannot be written"):
        ContentStore(tmp_path / "images").add([b"x"], 10)


def _store_many(root: Path) -> None:
    store = ContentStore(root)
    for number in range(200):
        stored = store.add([b"%d" % (number % 50)], 10)
        assert Path(stored.path).read_bytes() == b"%d" % (number % 50)


def test_several_processes_store_the_same_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_store_many, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(files(tmp_path)) == 50


def test_what_was_left_behind_is_swept_but_not_what_is_being_written(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / ".k3m-kg-killed.part").touch()

    def chunks() -> Iterator[bytes]:
        yield b"half"
        ContentStore(tmp_path).sweep()
        assert [name for name in files(tmp_path) if "killed" in name] == []
        yield b"whole"

    assert store.add(chunks(), 100).size == 9
    assert len(files(tmp_path)) == 1
