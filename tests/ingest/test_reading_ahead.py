"""A large source is read by a second process: the same records, errors and bugs as without it."""

from __future__ import annotations

import gc
import gzip
import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import cast

import pytest

from k3m_kg.config import Settings
from k3m_kg.errors import CatalogError, ConfigError, PluginError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest import reading_ahead, reading_worker
from k3m_kg.ingest.checked import Checked, checked
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.readers.choosing import ChosenReader, choose_reader
from k3m_kg.readers.k3m_tsv import K3MTSVReader
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow, ValueRecord
from k3m_kg.vocabulary import TYPE
from k3m_kg.workers import process
from k3m_kg.workers.inside import Answer
from k3m_kg.workers.process import WorkerAnswers
from tests.ingest.odd_reader import Odd

pytestmark = pytest.mark.skipif(
    reading_ahead._processors() < 2, reason="one processor: nothing is read ahead"
)
TSV = choose_reader(Path("any"), "k3m-tsv")
PRODUCTS = 2500
SIZE = reading_ahead.WORTH_IT
# Every how many lines Ctrl-C comes: 1 takes a minute, and is for whoever changes the starting.
LINES = int(os.environ.get("K3M_KG_LINES", "3"))


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
    chosen = choose_reader(path)
    expected = list(checked(chosen.reader.read(path, None)))
    with reading_ahead.reading(chosen, path, None, SIZE) as records:
        found = list(records)
    assert found == expected
    kinds = {type(item) if isinstance(item, RejectedRow) else type(item[0]) for item in found}
    assert {ProductRecord, RejectedRow} <= kinds
    assert (ValueRecord in kinds) == (make is ntriples)


def test_who_waits_to_send_hashes_and_the_hash_is_the_same(tmp_path: Path) -> None:
    path = k3m_tsv(tmp_path)
    expected = list(checked(K3MTSVReader().read(path, None)))
    now = 0.0

    def slowly() -> Iterator[CatalogRecord]:
        nonlocal now
        for record in K3MTSVReader().read(path, None):
            now += 0.01
            yield record

    class Slow(BytesIO):
        """Takes its second and third message only after a while."""

        kinds = 0

        def write(self, part: object, /) -> int:
            nonlocal now
            self.kinds += 1
            now += 60 if self.kinds in (4, 6) else 0
            return super().write(part)  # type: ignore[arg-type]

    sent = Slow()
    sender = reading_worker.Sender(Answer(sent), lambda: now)
    sender.records(slowly())
    messages = []
    sent.seek(0)
    while size := int.from_bytes(sent.read(8), "little"):
        messages.append(marshal.loads(sent.read(size)))
    hashed = [digests is not None for _, (_, digests) in messages]
    assert hashed == [False, False, True, True, False, False]
    assert list(reading_ahead._received(cast(WorkerAnswers, messages))) == expected


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
    with reading_ahead.reading(TSV, path, None, SIZE) as records:
        assert rejected(records) == expected > 0


def test_ctrl_c_in_a_terminal_is_not_for_the_reading_process(tmp_path: Path) -> None:
    with started() as processes:
        path = k3m_tsv(tmp_path)
        with reading_ahead.reading(TSV, path, None, SIZE) as records:
            next(records)
            assert os.getpgid(processes[0].pid) != os.getpgid(0)


def test_hashing_keeps_rejected_rows_in_their_place() -> None:
    batch: list[CatalogRecord] = [
        ProductRecord("a", "t"),
        ProductRecord("", "no id", line=2),
        ValueRecord("v", (("p", "x"),)),
    ]
    records, digests = reading_worker.Sender(Answer(BytesIO()))._hashed(batch)
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
        reading_ahead.reading(TSV, path, mapping, SIZE) as records,
    ):
        list(records)
    assert str(found.value) == str(expected.value)


def test_a_killed_process_leaves_the_graph_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = k3m_tsv(tmp_path)
    received = reading_ahead._received

    def kill_first(answers: WorkerAnswers) -> Iterator[Checked | RejectedRow]:
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
        with reading_ahead.reading(TSV, path, None, SIZE) as records:
            next(records)
            assert processes[0].poll() is None
        assert processes[0].poll() is not None


def outside(factory: object, worker: str | None, name: str = "strange") -> ChosenReader:
    """A reader of another package."""
    record = ReaderPlugin(name, "made up", Settings, factory, worker)  # type: ignore[arg-type]
    return ChosenReader(record, Settings(), record.factory(Settings()))


HERE = "tests.ingest.odd_reader:Odd"


def test_a_bug_is_told_as_one(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"Traceback[^$]*ZeroDivisionError: a bug"),
        reading_ahead.reading(outside(lambda _: Odd(), HERE), tmp_path, Path("bug"), SIZE) as found,
    ):
        list(found)


def test_an_error_class_of_a_package_is_the_one_it_derives_from(tmp_path: Path) -> None:
    with (
        pytest.raises(CatalogError, match="here: odd\n  hint: even"),
        reading_ahead.reading(outside(lambda _: Odd(), HERE), tmp_path, Path("x"), SIZE) as found,
    ):
        list(found)


def test_a_reader_that_says_how_is_read_by_another_process_and_others_here(tmp_path: Path) -> None:
    for worker in (HERE, None):
        chosen = outside(lambda _: Odd(), worker)
        with reading_ahead.reading(chosen, tmp_path, None, SIZE) as records:
            ((record, _),) = records
        assert (record.id == str(os.getpid())) == (worker is None)


@pytest.mark.parametrize(
    "worker", ["no_such_module:X", "json:nothing", "json:dumps", "nothing", ":", ""]
)
def test_a_reader_that_cannot_be_made_there_is_named(tmp_path: Path, worker: str) -> None:
    with (
        pytest.raises(PluginError, match="'strange' cannot be made in another process"),
        reading_ahead.reading(outside(lambda _: Odd(), worker), tmp_path, None, SIZE) as records,
    ):
        list(records)


class Said:
    """All that this process and its children say on standard error, until each has ended."""

    def __init__(self) -> None:
        self.text = b""

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Closing reads to the end: that of the last process that could still say something."""
        sys.stderr.flush()
        before = os.dup(2)
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            with os.fdopen(reading, "rb") as stream:
                self.text = stream.read()


class Interrupter:
    """Raises KeyboardInterrupt at the nth line that is run in some files."""

    def __init__(self, nth: int, *files: str) -> None:
        self.left = nth
        self._files = files

    def __call__(self, frame: FrameType, event: str, argument: object) -> object:
        if frame.f_code.co_filename not in self._files:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def read_one(path: Path, interrupter: Interrupter) -> None:
    """Read one record, with what is left of it gone when this returns."""
    with _traced(interrupter), reading_ahead.reading(TSV, path, None, SIZE) as records:
        next(records)


def interrupted_at(nth: int, path: Path, *files: str) -> tuple[bool, bytes]:
    """Read `path` with Ctrl-C at the nth line; whether it came to that, and what was said."""
    said = Said()
    interrupter = Interrupter(nth, *files)
    before = sys.gettrace()
    with said.heard(), pytest.MonkeyPatch.context() as patch:
        # What a worker says is kept apart; here it is heard, and with it that it has ended.
        patch.setattr(process.tempfile, "TemporaryFile", lambda: os.fdopen(os.dup(2), "wb"))
        try:
            read_one(path, interrupter)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        gc.collect()
    return interrupter.left <= 0, said.text


@contextmanager
def _traced(tracer: Interrupter) -> Iterator[None]:
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(None)


def test_ctrl_c_at_any_line_leaves_no_process_and_no_word(tmp_path: Path) -> None:
    path = k3m_tsv(tmp_path)
    nth, came = 1, True
    while came:
        came, said = interrupted_at(nth, path, process.__file__, reading_ahead.__file__)
        assert said == b"", f"line event {nth}"
        nth += LINES
    assert nth > 20


@pytest.mark.parametrize("nth", range(1, 200, 7 * LINES))
def test_ctrl_c_while_the_process_is_started_leaves_none_and_no_word(
    tmp_path: Path, nth: int
) -> None:
    assert interrupted_at(nth, k3m_tsv(tmp_path), subprocess.__file__)[1] == b""


@pytest.mark.parametrize("request_", [b"", b'{"path": [', b"{}"])
def test_input_that_ends_ends_the_process_without_a_word(request_: bytes) -> None:
    command = [sys.executable, "-P", "-c", process._START]
    done = subprocess.run(command, input=request_, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("moment", ["started", "asked", "received"])
def test_when_the_writer_dies_so_does_the_reader_without_a_word(
    tmp_path: Path, moment: str
) -> None:
    path = tmp_path / "source"
    if moment == "received":  # more than a pipe holds: it is stopped while it sends
        path.write_text("1\ttitle\t\ta#:#b\tc\n" * 500_000)
    else:  # minutes of comments: it has nothing to send, and would not notice that nobody listens
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(b'<http://a/product/1> <http://b> "c" .\n')
            for _ in range(200):
                file.write(b"# nothing\n" * 100_000)
    code = f"""
import os, signal, subprocess
from pathlib import Path
from k3m_kg.ingest import reading_ahead
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.workers import process
def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if {moment!r} == "started":
    process._widen = end
process.tempfile.TemporaryFile = lambda: os.fdopen(os.dup(2), "wb")
chosen = choose_reader(Path({str(path)!r}))
with reading_ahead.reading(chosen, Path({str(path)!r}), None, {SIZE}) as records:
    if {moment!r} == "received":
        next(records)
    end()
"""
    said = Said()
    with said.heard():  # until both have ended
        done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert said.text == b""
