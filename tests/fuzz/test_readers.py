"""No input whatever makes a reader fail otherwise than with a clear word, hang, or write a part.

`K3M_KG_FUZZ` says how many inputs each format gets (30; a connector a fourth of it),
`K3M_KG_FUZZ_START` the number of the first. Ten, or one in 200, go through the whole ingest.
The input that was read last is `input.*` in the test's folder.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from k3m_kg.errors import K3MError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow, ValueRecord

from .inputs import CONNECTORS, MAPPED, TARGETS, inputs, seeds

COUNT = int(os.environ.get("K3M_KG_FUZZ", "30"))
START = int(os.environ.get("K3M_KG_FUZZ_START", "0"))
SECONDS = 120
"""For an input that takes a hundredth of one, or a tenth on its way through the whole ingest."""
WHOLE = max(10, COUNT // 200)
CHOOSING = 1 if COUNT < 1_000 else 5
"""One in so many is asked of all readers as well, which takes longer than to read it."""


class HangError(BaseException):
    """An input took longer than `SECONDS`."""


@contextmanager
def watchdog() -> Iterator[None]:
    """Raises `HangError`, or ends the process where no Python code runs any more."""

    def bite(number: int, frame: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, bite)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def again(number: int) -> None:
    """The next input begins."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    if number % 100 == 0:  # it starts a thread
        faulthandler.dump_traceback_later(10 * SECONDS, exit=True)


def texts(record: ProductRecord | ValueRecord) -> Iterator[str]:
    yield from (text for pair in record.properties for text in pair)
    if isinstance(record, ValueRecord):
        yield record.value
        return
    yield from (record.id, *record.images)
    yield from (text for pair in record.links for text in pair)
    yield from (text for text in (record.title, record.category) if text is not None)


def check(record: CatalogRecord) -> None:
    """A record is as `k3m_kg.records` promises."""
    if isinstance(record, Note):
        assert record.text
        return
    assert record.line >= 0
    if isinstance(record, RejectedRow):
        assert record.reason
        assert len(record.raw) <= 2000
        return
    found = list(texts(record))
    assert all(found)
    assert all(text == text.strip() for text in found)
    joined = "".join(found)
    assert "\0" not in joined
    joined.encode()
    assert len(set(record.properties)) == len(record.properties)


@pytest.fixture(scope="module")
def data() -> Path | None:
    default = Path(__file__).parent.parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("K3M_KG_DATA", default))
    return folder if folder.is_dir() else None


@pytest.mark.parametrize("name", [*TARGETS, *CONNECTORS, *MAPPED])
def test_any_input_is_read_or_refused_with_a_clear_word(
    tmp_path: Path, data: Path | None, name: str
) -> None:
    target = (TARGETS | CONNECTORS | MAPPED)[name]
    count = COUNT if name in TARGETS else COUNT // 4
    record = registry().get(ReaderPlugin, target.reader)
    reader = record.factory(record.config())
    path, mapping = tmp_path / f"input{target.suffix}", None
    if target.mapping is not None:
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(target.mapping)
    good = seeds(target, data)
    whole = Whole(tmp_path, target.reader, mapping)
    read = 0
    for content in target.seeds():
        path.write_bytes(content)
        read += sum(isinstance(found, ProductRecord) for found in reader.read(path, mapping))
    assert read, "a seed should be a catalog"
    with watchdog():
        for number, content in enumerate(inputs(name, good, count, START), start=START):
            path.write_bytes(content)
            again(number)
            try:
                for record in reader.read(path, mapping):
                    check(record)
                    read += isinstance(record, ProductRecord)
            except K3MError:
                pass
            except BaseException as error:
                error.add_note(f"input {number} of {name}: {content[:300]!r}")
                raise
            if number % CHOOSING == 0:
                with suppress(K3MError):
                    choose_reader(path)
            if number % WHOLE == 0 and content:
                whole.ingest(path, number)
    # A document of XML, or an archive, is spoilt as a whole.
    assert name not in TARGETS or read > count / 50, "inputs should still be catalogs"


class Whole:
    """The way through the pipeline into SQLite."""

    def __init__(self, folder: Path, reader: str, mapping: Path | None) -> None:
        self._database = folder / "graph.db"
        self._store = GraphStore.create(f"sqlite:///{self._database}")[0]
        self._options = IngestOptions(format=reader, mapping=mapping)
        self._quarantine = folder / "quarantine.jsonl"
        first = folder / "first.tsv"
        first.write_text("first\tmug\t\tcolour#:#red\tmugs\n")
        self._run(first, IngestOptions())

    def _run(self, path: Path, options: IngestOptions) -> None:
        with Quarantine(self._quarantine) as quarantine:
            ingest(self._store, [path], options, quarantine=quarantine)

    def ingest(self, path: Path, number: int) -> None:
        before = self.dump()
        try:
            self._run(path, self._options)
        except K3MError:
            assert self.dump() == before, f"input {number} was refused and left something"
        else:
            after = self.graph()
            self._run(path, self._options)
            assert self.graph() == after, f"input {number} is not the same twice"

    def graph(self) -> list[object]:
        with self._store.reading() as reader:
            parts = (reader.subjects(), reader.knowledge(), reader.pictures())
            return [row for batches in parts for batch in batches for row in batch]

    def dump(self) -> list[str]:
        with sqlite3.connect(self._database) as connection:
            # Not by `iterdump`: an index of words without its texts cannot be asked for its rows.
            plain = (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
            )
            tables = [name for (name,) in connection.execute(plain)]
            return [
                str(row) for name in tables for row in connection.execute(f"SELECT * FROM {name}")
            ]
