"""A large source is read by a second process: the same records, errors and bugs as without it."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest import reading_ahead, reading_worker
from k3m_kg.ingest.checked import Checked, checked
from k3m_kg.ingest.pipeline import IngestOptions, ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.k3m_tsv import K3MTSVReader
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow, ValueRecord
from k3m_kg.vocabulary import TYPE
from k3m_kg.workers import process
from k3m_kg.workers.inside import Answer
from k3m_kg.workers.process import Answers

pytestmark = pytest.mark.skipif(
    not reading_ahead._can_start(K3MTSVReader()), reason="one processor: nothing is read ahead"
)
PRODUCTS = 2500
SIZE = reading_ahead.WORTH_IT


def k3m_tsv(folder: Path) -> Path:
    rows = [
        f"P{n}\ttitle {n}\t\tcolour#:#red {n % 7}#;#size#:#{n % 5}\tp{n}.jpg\n"
        for n in range(PRODUCTS)
    ]
    rows[17] = "no table\n"
    path = folder / "catalog.tsv"
    path.write_text("".join(rows))
    return path


def ntriples(folder: Path) -> Path:
    lines = ["no triple\n"]
    for n in range(PRODUCTS):
        product = f"<http://shop.example/product/P{n}>"
        lines += [
            f"{product} <{TYPE}> <https://schema.org/Product> .\n",
            f'{product} <https://schema.org/name> "title {n}" .\n',
            f"{product} <http://shop.example/made%20in> <http://shop.example/place/p{n % 9}> .\n",
            f"{product} <http://shop.example/like> <http://shop.example/product/P{n + 1}> .\n",
        ]
    lines.append("<http://shop.example/place/p1> <http://shop.example/in> <urn:x:Europe> .\n")
    path = folder / "catalog.nt"
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("make", [k3m_tsv, ntriples])
def test_records_are_those_of_the_reader(tmp_path: Path, make: object) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    _, reader = choose_reader(path)
    expected = list(checked(reader.read(path, None)))
    with reading_ahead.reading(reader, path, None, SIZE) as records:
        found = list(records)
    assert found == expected
    kinds = {type(item) if isinstance(item, RejectedRow) else type(item[0]) for item in found}
    assert {ProductRecord, RejectedRow} <= kinds
    assert (ValueRecord in kinds) == (make is ntriples)


def test_whoever_hashes_the_hash_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = k3m_tsv(tmp_path)
    expected = list(checked(K3MTSVReader().read(path, None)))
    here = []

    def noted(records: Iterable[CatalogRecord]) -> Iterator[Checked | RejectedRow]:
        here.append(1)
        return checked(records)

    monkeypatch.setattr(reading_ahead, "checked", noted)
    monkeypatch.setattr(process, "_ROOM", 4096)
    found = []
    with reading_ahead.reading(K3MTSVReader(), path, None, SIZE) as records:
        for number, item in enumerate(records):
            found.append(item)
            if number % 500 == 0:
                time.sleep(0.2)  # so the other process waits, and then hashes
    assert found == expected
    messages = -(-PRODUCTS // reading_worker.RECORDS)
    assert 0 < len(here) < messages


def test_messages_are_bounded_by_cells() -> None:
    wide = tuple((f"p{n}", "v") for n in range(reading_worker.CELLS))
    sent = BytesIO()
    reading_worker.Sender(Answer(sent)).records(
        ProductRecord(f"P{n}", properties=wide) for n in range(5)
    )
    sizes = []
    sent.seek(0)
    while size := int.from_bytes(sent.read(8), "little"):
        sizes.append(size)
        sent.seek(size, 1)
    assert len(sizes) >= 5


def test_rows_before_an_error_are_told(tmp_path: Path) -> None:
    path = tmp_path / "cut.tsv.gz"
    whole = gzip.compress("".join(f"no table {n}\n" for n in range(100_000)).encode())
    path.write_bytes(whole[: len(whole) // 2])

    def rejected(records: Iterator[Checked | RejectedRow]) -> int:
        found = 0
        try:
            for _ in records:
                found += 1
        except CatalogError:
            return found
        raise AssertionError("a packed stream that is cut was read to its end")

    expected = rejected(checked(K3MTSVReader().read(path, None)))
    with reading_ahead.reading(K3MTSVReader(), path, None, SIZE) as records:
        assert rejected(records) == expected > 0


def test_ctrl_c_in_a_terminal_is_not_for_the_reading_process(tmp_path: Path) -> None:
    with started() as processes:
        path = k3m_tsv(tmp_path)
        with reading_ahead.reading(K3MTSVReader(), path, None, SIZE) as records:
            next(records)
            assert os.getpgid(processes[0].pid) != os.getpgid(0)


def test_hashing_keeps_rejected_rows_in_their_place() -> None:
    batch: list[CatalogRecord] = [
        ProductRecord("a", "t"),
        ProductRecord("", "no id", line=2),
        ValueRecord("v", (("p", "x"),)),
    ]
    records, digests = reading_worker._hashed(batch)
    assert [bool(digest) for digest in digests] == [True, False, True]
    assert digests[0] == batch[0].content_hash()  # type: ignore[union-attr]
    assert isinstance(records[1], RejectedRow)


def test_an_error_of_the_reader_is_the_same_error(tmp_path: Path) -> None:
    path = k3m_tsv(tmp_path)
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("id: id\n")
    with pytest.raises(ConfigError) as expected:
        list(K3MTSVReader().read(path, mapping))
    with (
        pytest.raises(ConfigError) as found,
        reading_ahead.reading(K3MTSVReader(), path, mapping, SIZE) as records,
    ):
        list(records)
    assert str(found.value) == str(expected.value)


def test_a_killed_process_leaves_the_graph_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = k3m_tsv(tmp_path)
    received = reading_ahead._received

    def kill_first(answers: Answers) -> Iterator[Checked | RejectedRow]:
        os.kill(answers._process.pid, signal.SIGKILL)
        yield from received(answers)

    monkeypatch.setattr(reading_ahead, "_received", kill_first)
    monkeypatch.setattr(reading_ahead, "WORTH_IT", 0)
    monkeypatch.chdir(tmp_path)  # for the quarantine file
    url = f"sqlite:///{tmp_path}/g.db"
    with GraphStore.create(url)[0] as store, Quarantine(None) as rejected:
        with pytest.raises(CatalogError, match="SIGKILL; nothing of it was kept"):
            ingest(store, [path], IngestOptions(), quarantine=rejected)
        assert store.status().products == 0
        monkeypatch.setattr(reading_ahead, "_received", received)
        (report,) = ingest(store, [path], IngestOptions(), quarantine=rejected)
        assert report.counts.products_added == store.status().products == PRODUCTS - 1


@contextmanager
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that are started."""
    found: list[subprocess.Popen[bytes]] = []
    make = subprocess.Popen

    def noted(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        found.append(make(*arguments, **options))  # type: ignore[call-overload]
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", noted)
        yield found


def test_the_process_ends_with_its_context(tmp_path: Path) -> None:
    path = k3m_tsv(tmp_path)
    with started() as processes:
        with reading_ahead.reading(K3MTSVReader(), path, None, SIZE) as records:
            next(records)
            assert processes[0].poll() is None
        assert processes[0].poll() is not None


def test_a_bug_is_told_as_one(tmp_path: Path) -> None:
    class Broken(K3MTSVReader):
        pass

    Broken.__module__, Broken.__qualname__ = "k3m_kg.readers.k3m_tsv", "unstorable"
    path = k3m_tsv(tmp_path)
    with (
        pytest.raises(RuntimeError, match="Traceback"),
        reading_ahead.reading(Broken(), path, None, SIZE) as records,
    ):
        list(records)


def test_readers_of_others_are_read_here(tmp_path: Path) -> None:
    class Strange:
        def sniff(self, path: Path, head: bytes) -> bool:
            return True

        def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
            yield ProductRecord(str(os.getpid()), "read by this process")

    path = tmp_path / "any"
    path.write_text("x")
    with reading_ahead.reading(Strange(), path, None, SIZE) as records:
        ((record, _),) = records
    assert record.id == str(os.getpid())


def test_when_the_writer_dies_so_does_the_reader(tmp_path: Path) -> None:
    # Minutes of comments: it has nothing to send, and would not notice that nobody listens.
    path = tmp_path / "comments.nt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(200):
            file.write(b"# nothing\n" * 100_000)
    code = f"""
import os, signal, subprocess
from pathlib import Path
from k3m_kg.ingest import reading_ahead
from k3m_kg.readers.rdf.reader import RdfReader
class Noted(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        print(self.pid, flush=True)
subprocess.Popen = Noted
with reading_ahead.reading(RdfReader(), Path({str(path)!r}), None, {SIZE}) as records:
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    for _ in range(50):
        if not _is_alive(pid):
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the reading process outlived the writing one by 5 s")


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
