"""The way of a source into the graph: hash, read, locate pictures, write, count."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from k3m_kg.errors import CatalogError, UsageError
from k3m_kg.graph.session import IngestSession
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import (
    ImageFailure,
    IngestCounts,
    LocatedImage,
    SourceVersion,
    Statement,
    SubjectDiff,
)
from k3m_kg.graph.writer import GraphWriter, Locate
from k3m_kg.ingest.checked import Checked
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.ingest.reading_ahead import reading
from k3m_kg.pictures.checker import ImageChecker
from k3m_kg.pictures.fetch.settings import FetchCounts, FetchSettings
from k3m_kg.pictures.sources import PictureSources, check_given
from k3m_kg.plugin.hookspecs import CatalogReader
from k3m_kg.readers.choosing import AUTO, choose_reader
from k3m_kg.records import ProductRecord, RejectedRow

BATCH_PRODUCTS = 2000
BATCH_CELLS = 50_000
LISTED_FAILURES = 1000
"""Failed pictures that a report names; the graph knows all of them."""
LISTED_CHANGES = 20
"""Changes that the report of a dry run shows; `k3m-kg diff` shows all of a real one."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How sources are ingested.

    Attributes:
        format: a reader's name, or `auto`.
        mapping: the mapping file for formats that need one.
        images: the folder or archive with the pictures; None looks beside each source.
        strict: one rejected row fails the whole ingest.
        dry_run: count everything, change nothing.
        image_store: the folder for pictures from archives and URLs; None: beside a SQLite file.
        fetch: how the pictures of URLs are fetched; None: not at all. A dry run never does.
    """

    format: str = AUTO
    mapping: Path | None = None
    images: Path | None = None
    strict: bool = False
    dry_run: bool = False
    image_store: Path | None = None
    fetch: FetchSettings | None = None


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far a source is: lines read of about `lines`."""

    source: str
    line: int
    lines: int
    products: int


@dataclass(slots=True)
class SourceReport:
    """What the ingest of one source did.

    Attributes:
        unchanged: nothing was read, because nothing can have changed since the last ingest.
        run: the run's number; None where nothing was written, and in a dry run.
        quarantine: the file with the rejected rows, if there are any.
        changes: in a dry run, what the first products would become, at most `LISTED_CHANGES`.
        failures: pictures that cannot be used, at most `LISTED_FAILURES`.
        fetched: what was fetched; None where URLs were not to be.
    """

    source: str
    format: str
    counts: IngestCounts = field(default_factory=IngestCounts)
    unchanged: bool = False
    run: int | None = None
    quarantine: str | None = None
    changes: list[SubjectDiff] = field(default_factory=list)
    failures: list[ImageFailure] = field(default_factory=list)
    fetched: FetchCounts | None = None


def ingest(
    store: GraphStore,
    sources: Sequence[Path],
    options: IngestOptions,
    *,
    quarantine: Quarantine,
    on_progress: Callable[[SourceProgress], None] = lambda progress: None,
    on_wait: Callable[[], None] | None = None,
    on_fetch: Callable[[str, FetchCounts], None] = lambda source, counts: None,
) -> list[SourceReport]:
    """Bring catalog sources into the graph, in order.

    Each source is one transaction: a source that fails leaves the graph as the sources before it
    made it. With `strict` or `dry_run` all sources together are one transaction.

    Idempotent by content: a source that was ingested before and has not changed adds nothing; one
    that did change yields exactly the difference. One that was interrupted is simply run again.

    Args:
        on_progress: called from time to time.
        on_wait: called once per transaction if another process is writing.
        on_fetch: called from time to time while pictures are fetched.

    Raises:
        UsageError: an option or format makes no sense, or the mapping does not fit.
        CatalogError: a source cannot be read, holds no product, or `strict` met a bad row.
        GraphError: the database cannot be written.
    """
    plans = plan_sources(sources, options, quarantine)
    return ingest_planned(
        store,
        plans,
        options,
        quarantine=quarantine,
        on_progress=on_progress,
        on_wait=on_wait,
        on_fetch=on_fetch,
    )


def ingest_planned(
    store: GraphStore,
    plans: Sequence[SourcePlan],
    options: IngestOptions,
    *,
    quarantine: Quarantine,
    on_progress: Callable[[SourceProgress], None] = lambda progress: None,
    on_wait: Callable[[], None] | None = None,
    on_fetch: Callable[[str, FetchCounts], None] = lambda source, counts: None,
) -> list[SourceReport]:
    """`ingest`, for sources that `plan_sources` has found fit."""
    for plan in plans:
        if store.owns(quarantine.path_for(plan.path)):
            raise UsageError("is the database itself", where="--quarantine")
    one_transaction = options.strict or options.dry_run
    reports = []
    with ExitStack() as stack:
        stack.enter_context(_fewer_collections())
        pictures = stack.enter_context(
            PictureSources(
                store.url,
                options.images,
                options.image_store,
                options.fetch,
                dry_run=options.dry_run,
            )
        )
        fetched = [_fetch(plan, pictures, on_fetch) for plan in plans]
        checker = stack.enter_context(ImageChecker())
        shared = None
        if one_transaction:
            shared = stack.enter_context(store.writing(commit=not options.dry_run, on_wait=on_wait))
        for plan, counts in zip(plans, fetched, strict=True):
            locate = pictures.locator(plan.path)
            with nullcontext(shared) if shared else store.writing(on_wait=on_wait) as writer:
                one = _Ingest(plan, writer, locate, checker, quarantine, on_progress)
                reports.append(one.run())
                reports[-1].fetched = counts
        if options.strict:
            _refuse_rejects(reports)
    return reports


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Records are many and never refer to each other: looking for cycles would cost a fifth."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _fetch(
    plan: SourcePlan, pictures: PictureSources, on_fetch: Callable[[str, FetchCounts], None]
) -> FetchCounts | None:
    records = plan.reader.read(plan.path, plan.options.mapping)
    return pictures.fetch(plan.path, records, partial(on_fetch, str(plan.path)))


def _refuse_rejects(reports: Sequence[SourceReport]) -> None:
    bad = [report for report in reports if report.counts.rows_quarantined]
    if bad:
        rows = sum(report.counts.rows_quarantined for report in bad)
        raise CatalogError(
            f"{rows} rejected row{'s' * (rows != 1)}; with --strict nothing was written",
            where=", ".join(report.source for report in bad),
            hint=f"reasons are in {', '.join(sorted({str(r.quarantine) for r in bad}))}",
        )


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source that was found fit to be read."""

    path: Path
    reader: CatalogReader
    options: IngestOptions
    version: SourceVersion
    stamp: tuple[int, int]
    lines: int


def plan_sources(
    sources: Sequence[Path], options: IngestOptions, quarantine: Quarantine
) -> list[SourcePlan]:
    """Look at every source before anything is written or a database is made.

    Raises:
        UsageError: an option or format makes no sense.
        CatalogError: a source is missing or cannot be read.
    """
    check_given(options.images)
    return [_plan(path, options, quarantine) for path in sources]


def _plan(path: Path, options: IngestOptions, quarantine: Quarantine) -> SourcePlan:
    if path.is_dir():
        raise CatalogError(
            "is a folder, not a file", where=str(path), hint="name the catalog file in it"
        )
    if not path.exists():
        raise CatalogError("no such file", where=str(path))
    if not path.is_file():
        raise CatalogError("is no regular file", where=str(path))
    inputs = {path.resolve()} | ({options.mapping.resolve()} if options.mapping else set())
    if quarantine.path_for(path).resolve() in inputs:
        raise UsageError("would be overwritten", where=f"--quarantine {quarantine.path_for(path)}")
    stamp = _stamp(path)
    if stamp[0] == 0:
        raise CatalogError("the file is empty", where=str(path))
    name, reader = choose_reader(path, options.format)
    content_hash, lines = _hash(path)
    mapping_hash = _hash(options.mapping)[0] if options.mapping else None
    version = SourceVersion(
        name=str(path.resolve()),
        format=name,
        content_hash=content_hash,
        mapping_hash=mapping_hash,
        images_folder=str(options.images.resolve()) if options.images else None,
    )
    return SourcePlan(path, reader, options, version, stamp, lines)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _hash(path: Path) -> tuple[str, int]:
    """SHA-256 of a file, and its number of lines for the progress bar."""
    digest = hashlib.sha256()
    lines = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                lines += chunk.count(b"\n")
    except OSError as error:
        raise CatalogError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    return digest.hexdigest(), lines


class _Ingest:
    """One source on its way into the graph."""

    def __init__(
        self,
        plan: SourcePlan,
        writer: GraphWriter,
        locate: Locate,
        checker: ImageChecker,
        quarantine: Quarantine,
        on_progress: Callable[[SourceProgress], None],
    ) -> None:
        self._plan = plan
        self._writer = writer
        self._locate = locate
        self._checker = checker
        self._quarantine = quarantine
        self._on_progress = on_progress
        self._rejected = 0
        self._first_reason = ""
        self._report = SourceReport(str(plan.path), plan.version.format)

    def run(self) -> SourceReport:
        plan, report = self._plan, self._report
        if counts := self._writer.unchanged(plan.version, self._locate):
            report.counts, report.unchanged = counts, True
            return report
        session = self._writer.session(plan.version, self._checker)
        with reading(plan.reader, plan.path, plan.options.mapping, plan.stamp[0]) as records:
            products = self._write(session, records)
        if not products:
            raise CatalogError(self._no_product(), where=str(plan.path))
        if _stamp(plan.path) != plan.stamp:
            raise CatalogError(
                "the file changed while it was read; nothing of it was kept",
                where=str(plan.path),
                hint="run again when it is complete",
            )
        report.counts = session.finish(self._rejected)
        if plan.options.dry_run:
            report.changes = list(islice(self._writer.diff(session.run), LISTED_CHANGES))
        else:
            report.run = session.run
        return report

    def _write(self, session: IngestSession, records: Iterable[Checked | RejectedRow]) -> int:
        """Write all that is read; how many subjects it was."""
        plan, report = self._plan, self._report
        subjects = 0
        for batch in _batches(self._statements(records)):
            result = session.write(batch)
            for row in result.rejected:
                self._reject(row)
            room = LISTED_FAILURES - len(report.failures)
            report.failures.extend(result.failures[:room])
            subjects += len(batch)
            line = batch[-1].record.line
            self._on_progress(SourceProgress(str(plan.path), line, max(line, plan.lines), subjects))
        return subjects

    def _no_product(self) -> str:
        if not self._rejected:
            return "there is no product in this file"
        where = self._quarantine.path_for(self._plan.path)
        return (
            f"no row of this file could be read as {self._plan.version.format}: "
            f"all {self._rejected} were rejected, the first on {self._first_reason} "
            f"(all of them in {where})"
        )

    def _statements(self, records: Iterable[Checked | RejectedRow]) -> Iterator[Statement]:
        by_id = self._plan.options.images is not None  # a product may have one without naming it
        for item in records:
            if isinstance(item, RejectedRow):
                self._reject(item)
                continue
            record, digest = item
            images: tuple[LocatedImage, ...] = ()
            if isinstance(record, ProductRecord):
                if record.images or by_id:
                    images = self._locate(record.id, record.images)
                if not (record.title or record.properties or record.links or images):
                    reason = "nothing to learn from: no title, no image, no property"
                    self._reject(RejectedRow(record.line, reason, repr(record)[:2000]))
                    continue
            yield Statement(record, images, digest)

    def _reject(self, row: RejectedRow) -> None:
        self._quarantine.add(self._plan.path, row)
        self._rejected += 1
        self._first_reason = self._first_reason or f"line {row.line}: {row.reason}"
        self._report.quarantine = str(self._quarantine.path_for(self._plan.path))


def _batches(statements: Iterator[Statement]) -> Iterator[list[Statement]]:
    """Batches bounded by products and by cells: one product may have thousands of triples."""
    batch: list[Statement] = []
    cells = 0
    for statement in statements:
        batch.append(statement)
        cells += 1 + len(statement.record.properties)
        if len(batch) >= BATCH_PRODUCTS or cells >= BATCH_CELLS:
            yield batch
            batch, cells = [], 0
    if batch:
        yield batch
