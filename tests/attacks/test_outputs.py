"""Outputs led to what the user has: refused, or written beside it, whole or not at all."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.snapshot import layout
from k3m_kg.training.pretrain import pretrain
from tests.catalogs import shop_snapshot
from tests.pictures.picture_server import png
from tests.started import Done, Started
from tests.training.conftest import TINY

from .mutations import attempts
from .output_inputs import DB, attack, is_kept

# What a run may write although nobody names it: the traces of a database that is read, the
# quarantine, the calibration and the verdict of an artifact, marks that a snapshot was examined.
OURS = ("-wal", "-shm", "-journal", "calibration.json", "verdict.json", "examined")
ROOMS = (".cache", "v.db.sparql")


@pytest.fixture(scope="session")
def command(started: Callable[[dict[str, str]], Started]) -> Started:
    return started({"LC_ALL": "C.UTF-8"})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, command: Started) -> Path:
    folder = tmp_path_factory.mktemp("around") / "place"
    folder.mkdir()
    for name in ("docs", "data", "pictures", "old-folder", "other-model", "v.db.sparql"):
        (folder / name).mkdir()
    rows = "".join(f"{n},Shirt {n},{n}.png\n" for n in range(1, 30))
    (folder / "source.csv").write_text(f"id,name,image\n{rows},no id,\n")
    (folder / "data" / "products.csv").write_text("id,name\n1,Shirt\n")
    (folder / "map.yaml").write_text("id: id\ntitle: name\nimage: image\n")
    (folder / "split.csv").write_text("".join(f"{n},train\n" for n in ("id,split", *range(1, 30))))
    (folder / "docs" / "notes.txt").write_text("mine")
    (folder / "old.txt").write_text("old")
    (folder / "old-folder" / "mine.txt").write_text("mine")
    (folder / "other-model" / "artifact.json").write_text("{}")
    (folder / "other-model" / "config.yaml").write_text("{}")
    (folder / "pictures" / "1.png").write_bytes(png())
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for number in range(1, 5):
            archive.writestr(f"{number}.png", png(number))
    with closing(sqlite3.connect(folder / "other.db")) as other, other:
        other.execute("CREATE TABLE precious (a)")
    (folder / "run.yaml").write_text("snapshot: cut\noutput: new\n")
    (folder / "kge.yaml").write_text("snapshot: cut\noutput: new\nmodel: transe\n")
    os.mkfifo(folder / "pipe")
    with closing(socket.socket(socket.AF_UNIX)) as server:
        os.chdir(folder)
        server.bind("socket")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere/at/all")
    (folder / "here").symlink_to(".")
    shutil.copytree(shop_snapshot(folder, 24, holdout=0.3).parent, folder / "cut")
    settings = TINY | {"snapshot": str(folder / "cut"), "output": str(folder / "model")}
    settings["training"] = {**TINY["training"], "epochs": 1}
    pretrain(validate_settings(RunConfig, settings, "test"))
    shutil.rmtree(folder / "model.run", ignore_errors=True)
    words = ["embed", "model", "--snapshot", "cut", "kept.vectors"]
    assert command(words, folder).code == 0
    for source in ("source.csv", "data/products.csv"):
        words = ["ingest", source, *DB, "--mapping", "map.yaml", "--images", "pictures.zip"]
        if source != "source.csv":
            words = ["ingest", source, *DB]
            (folder / "data.yaml").write_text("id: id\ntitle: name\n")
            words += ["--mapping", "data.yaml"]
        done = command(words, folder)
        assert done.code == 0, done.err
    return folder


def found(path: Path) -> object:
    """What a path is: for a file, all that changes when it is written to or replaced."""
    held = path.lstat()
    if stat.S_ISREG(held.st_mode):
        return held.st_ino, held.st_size, held.st_mtime_ns, path.name
    return stat.S_IFMT(held.st_mode), held.st_rdev


def content(folder: Path) -> dict[str, object]:
    """All that is there and not ours to write."""
    kept: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        ours = name.endswith(OURS) or any(room in name for room in ROOMS)
        if not ours and not name.startswith(("v.db", "source.csv.quarantine", "alias")):
            kept[name] = found(path)
    return kept


def graph(folder: Path) -> list[tuple[object, ...]]:
    """What the database says, whatever its file looks like."""
    with closing(sqlite3.connect(f"file:{folder}/v.db?mode=ro", uri=True)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        assert ("ingest_runs",) in tables
        return opened.execute("SELECT * FROM entities ORDER BY id").fetchall()


def cleared(folder: Path, before: dict[str, object]) -> None:
    """Take away what was not there."""
    fresh = [name for name in content(folder) if name not in before]
    for name in sorted(fresh, key=len):
        path = folder / name
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def wrong(done: Done, limit: int | None) -> str | None:
    """What must not be, of how a command ended."""
    if done.code not in (0, 1, 2):
        return f"exit code {done.code}"
    if b"Traceback" in done.err:
        return "a traceback"
    if done.code and limit is None and b"error: " not in done.err.lower():
        return "no message"
    return None


def replaced(folder: Path, output: str) -> str | None:
    """The file that an output names, if it is one of this folder."""
    with suppress(OSError, ValueError, RuntimeError):
        path = (folder / output).resolve()
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return None


def test_nothing_of_the_users_is_overwritten(place: Path, command: Started) -> None:
    latest = place / "cut" / layout.LATEST
    snapshot = latest.read_text().strip()
    before, said, around = content(place), graph(place), set(place.parent.iterdir())
    devices = {path: found(Path(path)) for path in ("/dev/null", "/dev/full")}
    failed = {}
    for number in attempts(4):
        alias = place / "alias"
        words, limit, name, output = attack(number, place, alias, snapshot)
        named = replaced(place, output)
        reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # else a writer waits
        try:
            done = command(words, place, file_size=limit)
        finally:
            os.close(reader)
        why = wrong(done, limit)
        for path in [*place.glob("alias*"), *(set(place.parent.iterdir()) - around)]:
            path.unlink() if not path.is_dir() or path.is_symlink() else shutil.rmtree(path)
        now = content(place)
        changed = {name for name in before if now.get(name) != before[name]}
        if done.code == 0 and named is not None and not is_kept(named, name):
            changed -= {named}  # a plain file that was named as the output
            if (named, words[0]) == ("cut", b"snapshot"):  # the folder has another snapshot now
                changed -= {f"cut/{layout.LATEST}"}
        if any(".k3m-kg-" in name for name in now):
            why = "something of ours is left"
        if changed:
            why = f"changed {sorted(changed)}"
        if graph(place) != said:
            why = "another graph"
        if {path: found(Path(path)) for path in devices} != devices:
            why = "a device is gone"
        if why:
            failed[number] = f"{name} {output[:200]!r} {limit}: {why}: {done.code} {done.err!r}"
        cleared(place, before)
        if latest.is_file() and latest.read_text().strip() != snapshot:
            latest.write_text(f"{snapshot}\n")
        before = content(place)
    assert failed == {}
