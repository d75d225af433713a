"""An ingest that is killed leaves the old or the new state, and running it again converges."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.ingest.reading_ahead import WORTH_IT
from tests.started import Begun, Started


class States(NamedTuple):
    """The graph before and after, and a database that is before."""

    database: Path
    old: list[StoredProduct]
    new: list[StoredProduct]


class At(NamedTuple):
    """A signal that an ingest gets when it calls a function for the nth time."""

    place: str
    nth: int
    signal: signal.Signals


PRODUCTS = 12_000
LONG = "a title so long that the source is large enough to be read by a second process " * 8
KILLS = int(os.environ.get("K3M_KG_KILLS", "1"))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog, and next to it the next version of it."""
    folder = tmp_path_factory.mktemp("catalog")
    for name, step in (("old", 3), ("new", 2)):
        with (folder / f"{name}.tsv").open("w") as file:
            for n in range(0, PRODUCTS * step // 3, step):
                file.write(f"{n}\t{LONG}{n % 7}\t\ta#:#{n % 11}#;#b#:#{n % 13}{name}\tc\n")
        assert (folder / f"{name}.tsv").stat().st_size >= WORTH_IT
    return folder


@pytest.fixture(scope="module")
def states(catalog: Path, tmp_path_factory: pytest.TempPathFactory, start: Start) -> States:
    """Databases with the old and the new version of the source `catalog.tsv`."""
    folder = tmp_path_factory.mktemp("states")
    source = catalog / "catalog.tsv"
    for name in ("old", "new"):
        shutil.copy(catalog / f"{name}.tsv", source)
        assert end(start(folder, source))[0] == 0
        shutil.copy(folder / "graph.db", folder / f"{name}.db")
    old, new = folder / "old.db", folder / "new.db"
    return States(old, products(old), products(new))


Start = Callable[..., Begun]


@pytest.fixture(scope="session")
def start(started: Callable[[dict[str, str]], Started]) -> Start:
    """Begins `k3m-kg ingest`; `at`: it gets a signal at a place."""

    def begin(
        folder: Path, source: Path, url: str = "sqlite:///graph.db", at: At | None = None
    ) -> Begun:
        return started({}).begin(["ingest", str(source), "--db", url], folder, at=at)

    return begin


def end(process: Begun) -> tuple[int, bytes]:
    """Its status, and all that it and the process that reads for it said on standard error."""
    done = process.end()
    return done.code, done.err


def products(database: Path) -> list[StoredProduct]:
    with GraphStore.open(f"sqlite:///{database}") as store:
        return list(store.iter_products())


PLACES = [
    ("k3m_kg.ingest.planning:choose_reader", 1),
    ("k3m_kg.graph.store:GraphStore.writing", 1),
    ("k3m_kg.workers.process:_widen", 1),
    ("k3m_kg.graph.writing.session:IngestSession.write", 1),
    ("k3m_kg.graph.writing.session:IngestSession.write", 2),
    ("k3m_kg.workers.process:_end", 1),
    ("k3m_kg.graph.writing.session:IngestSession.finish", 1),
    ("k3m_kg.graph.history.journal:Journal.note", 2),
    ("k3m_kg.graph.writing.union:GraphUnion.write", 2),
]


@pytest.mark.parametrize(("place", "nth"), PLACES)
def test_kill_leaves_the_old_or_the_new_state_and_a_second_run_converges(
    place: str, nth: int, tmp_path: Path, catalog: Path, states: States, start: Start
) -> None:
    shutil.copy(states.database, tmp_path / "graph.db")
    kill = At(place, nth, signal.SIGKILL)
    status, errors = end(start(tmp_path, catalog / "catalog.tsv", at=kill))
    assert (status, errors) == (-signal.SIGKILL, b"")

    assert products(tmp_path / "graph.db") == states.old
    assert end(start(tmp_path, catalog / "catalog.tsv"))[0] == 0
    assert products(tmp_path / "graph.db") == states.new


def test_kill_of_an_overlapping_source_leaves_what_the_first_one_says(
    tmp_path: Path, catalog: Path, states: States, start: Start
) -> None:
    shutil.copy(states.database, tmp_path / "graph.db")
    kill = At("k3m_kg.graph.writing.union:GraphUnion.write", 2, signal.SIGKILL)
    assert end(start(tmp_path, catalog / "new.tsv", at=kill))[0] == -signal.SIGKILL
    assert products(tmp_path / "graph.db") == states.old
    assert end(start(tmp_path, catalog / "new.tsv"))[0] == 0
    old, new = ({one.id: one.triples for one in some} for some in (states.old, states.new))
    found = {one.id: one.triples for one in products(tmp_path / "graph.db")}
    assert found.keys() == old.keys() | new.keys()
    for id_, triples in found.items():
        assert triples == tuple(dict.fromkeys([*old.get(id_, ()), *new.get(id_, ())]))


def test_kill_at_random_moments(
    database_url: str, tmp_path: Path, catalog: Path, states: States, start: Start
) -> None:
    source = tmp_path / "catalog.tsv"
    shutil.copy(catalog / "old.tsv", source)
    assert end(start(tmp_path, source, database_url))[0] == 0
    shutil.copy(catalog / "new.tsv", source)
    began = time.monotonic()
    assert end(start(tmp_path, source, database_url))[0] == 0
    duration = time.monotonic() - began

    random = Random(0)
    with GraphStore.open(database_url) as store:
        for _ in range(KILLS):
            with store.writing() as writer:
                run = store.runs(1)[0]
                if run.undone_at is None and run.counts.products_removed:
                    writer.undo(run.id)
            assert list(store.iter_products()) == states.old
            process = start(tmp_path, source, database_url)
            time.sleep(random.uniform(0, duration))  # any moment will do
            process.kill()
            end(process)
            with store.writing():  # a server may still be ending the dead client's transaction
                assert list(store.iter_products()) in (states.old, states.new)
        assert end(start(tmp_path, source, database_url))[0] == 0
        assert list(store.iter_products()) == states.new


@pytest.mark.parametrize("nth", [1, 3, 10, 30])
def test_kill_while_the_database_is_made(
    nth: int, tmp_path: Path, catalog: Path, states: States, start: Start
) -> None:
    kill = At("sqlalchemy.engine.base:Connection.execute", nth, signal.SIGKILL)
    status, errors = end(start(tmp_path, catalog / "catalog.tsv", at=kill))
    assert (status, errors.replace(b"created sqlite:///graph.db\n", b"")) == (-signal.SIGKILL, b"")
    assert end(start(tmp_path, catalog / "catalog.tsv"))[0] == 0
    assert products(tmp_path / "graph.db") == states.new


@pytest.mark.parametrize(("place", "nth"), PLACES)
def test_ctrl_c_keeps_the_old_state_and_says_so(
    place: str, nth: int, tmp_path: Path, catalog: Path, states: States, start: Start
) -> None:
    shutil.copy(states.database, tmp_path / "graph.db")
    interrupt = At(place, nth, signal.SIGINT)
    status, errors = end(start(tmp_path, catalog / "catalog.tsv", at=interrupt))
    assert status == 1
    assert b"Traceback" not in errors
    assert b"nterrupted" in errors or b"Aborted" in errors
    assert products(tmp_path / "graph.db") == states.old


def test_two_ingests_at_once_are_serialised(
    tmp_path: Path, catalog: Path, states: States, start: Start
) -> None:
    shutil.copy(states.database, tmp_path / "graph.db")
    other = tmp_path / "other.tsv"
    other.write_text("other\ttitle\t\ta#:#b\tc\n")
    running = [start(tmp_path, catalog / "catalog.tsv"), start(tmp_path, other)]
    assert [end(process)[0] for process in running] == [0, 0]
    found = {product.id for product in products(tmp_path / "graph.db")}
    assert found == {product.id for product in states.new} | {"other"}


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A real file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = Path(tempfile.mkdtemp(prefix="k3m-kg-disk"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).returncode:
        folder.rmdir()
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


def test_a_disk_that_fills_up_keeps_the_old_state(
    small_disk: Path, tmp_path: Path, start: Start
) -> None:
    first = small_disk / "first.tsv"
    first.write_text("1\ttitle\t\ta#:#b\tc\n")
    assert end(start(small_disk, first))[0] == 0
    before = products(small_disk / "graph.db")

    large = tmp_path / "large.tsv"
    large.write_text("".join(f"{n}\t{'x' * 1000}\t\ta#:#b\tc\n" for n in range(2000)))
    status, errors = end(start(small_disk, large))
    assert status == 1
    assert b"disk" in errors
    assert b"Traceback" not in errors
    assert products(small_disk / "graph.db") == before
