"""The cut of the graph that SPARQL runs on: an oxigraph store on disk, one per state of the graph.

It lives beside the SQLite file (`graph.db.sparql/`), else in the user's cache folder. A cut is
built by a worker in a folder of its own and renamed when it is complete; queries hold a lock while
they read, and cuts of older states are removed when nobody does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from k3m_kg.errors import K3MError
from k3m_kg.files import whole_folder
from k3m_kg.graph.database.engine import parse_url, sqlite_file
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.export import ntriples_chunks
from k3m_kg.rdf.subjects import iter_subjects
from k3m_kg.workers.limits import UNLIMITED, Limits
from k3m_kg.workers.process import Task, working

_SHAPE = "1"
"""Changes when equal graphs make other triples than before."""
_LOADED_TOGETHER = 250_000
"""Triples in one bulk load: 365 MB of memory. Oxigraph's own batches take three times as much."""
OnBuild = Callable[[int], None]


@contextmanager
def open_cut(
    store: GraphStore,
    *,
    before_build: Callable[[], object] = lambda: None,
    on_build: OnBuild = lambda triples: None,
) -> Iterator[Path]:
    """The folder of the graph's current cut, built first if need be, kept until the block ends.

    Args:
        before_build: called if a cut has to be built; it may raise.
        on_build: called from time to time with the number of triples loaded.

    Raises:
        K3MError: the cut cannot be written.
        GraphError: the database cannot be read.
    """
    with store.reading() as reader:
        state = hashlib.sha256(f"{_SHAPE} {reader.state()}".encode()).hexdigest()[:20]
        places = _places(store.url)
        place = next((place for place in places if (place / state).is_dir()), None)
        if place is None:
            before_build()
            place = _writable(places)
            _build(reader, place, state, on_build)
    with _read_lock(place):
        if not (place / state).is_dir():
            raise K3MError(
                "the cut was replaced by that of a newer graph meanwhile",
                where=str(place),
                hint="run the query again",
            )
        yield place / state


def _places(url: str) -> list[Path]:
    """Where cuts of this database may be: beside it, or in the cache folder."""
    name = hashlib.sha256(url.encode()).hexdigest()[:20]
    file = sqlite_file(parse_url(url))
    if file is not None:
        name = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:20]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    beside = [] if file is None else [file.with_name(file.name + ".sparql")]
    return [*beside, cache / "k3m-kg" / "sparql" / name]


def _writable(places: list[Path]) -> Path:
    reason = ""
    for place in places:
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / "lock").touch()
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return place
    raise K3MError(
        f"no folder for the cut that SPARQL runs on can be written: {reason}",
        where=", ".join(map(str, places)),
        hint="set XDG_CACHE_HOME to a folder that can",
    )


def _build(reader: GraphReader, place: Path, state: str, on_build: OnBuild) -> None:
    try:
        with _locked(place / "building", fcntl.LOCK_EX):
            if (place / state).is_dir():
                return  # another process was faster
            with whole_folder(place / state) as work:
                _load(reader, work, str(place), on_build)
            _remove_others(place, state)
    except OSError as error:
        raise K3MError(
            f"the cut that SPARQL runs on cannot be written: {error.strerror or error}",
            where=str(place),
            hint="free some space, or set XDG_CACHE_HOME to another folder",
        ) from None


def _load(reader: GraphReader, folder: Path, where: str, on_build: OnBuild) -> None:
    """Have a worker fill the folder.

    Oxigraph's store on disk ends its process where the system gives it no thread, memory or file.
    """
    task = Task(
        "k3m_kg.rdf.cut_worker",
        "fill_cut",
        {"folder": str(folder), "where": where},
        what="cutting the graph for SPARQL",
        where=where,
        fed=True,
    )
    chunks: list[bytes] = []
    pending = loaded = 0
    with working(task, Limits(memory=UNLIMITED, writes=UNLIMITED)) as answers:
        for count, chunk in ntriples_chunks(iter_subjects(reader)):
            chunks.append(chunk)
            pending, loaded = pending + count, loaded + count
            if pending >= _LOADED_TOGETHER:
                answers.feed(b"".join(chunks))
                on_build(loaded)
                chunks.clear()
                pending = 0
        answers.feed(b"".join(chunks))
        on_build(loaded)
        answers.feed(b"")
        for _ in answers:
            pass


def _remove_others(place: Path, state: str) -> None:
    try:
        with _locked(place / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            for other in place.iterdir():
                if other.is_dir() and other.name != state:
                    shutil.rmtree(other, ignore_errors=True)
    except BlockingIOError:
        pass  # a query reads one of them: the next build removes it


@contextmanager
def _read_lock(place: Path) -> Iterator[None]:
    lock = place / "lock"
    with _locked(lock, fcntl.LOCK_SH) if os.access(lock, os.W_OK) else nullcontext():
        yield


@contextmanager
def _locked(path: Path, mode: int) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, mode)
        yield
