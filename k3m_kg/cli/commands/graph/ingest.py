"""`k3m-kg ingest`: bring catalog files into the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.commands.graph.diff import as_json as changes_as_json
from k3m_kg.cli.commands.graph.diff import print_changes
from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    note_waiting,
    print_json,
    progress_bar,
    say,
)
from k3m_kg.cli.limits import MemoryOption, limits_of
from k3m_kg.cli.outputs import guard
from k3m_kg.errors import CatalogError, K3MError, MappingNeeded, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from k3m_kg.graph.store import GraphStore
    from k3m_kg.graph.stored import IngestCounts
    from k3m_kg.ingest.options import IngestOptions
    from k3m_kg.ingest.planning import SourcePlan
    from k3m_kg.ingest.quarantine import Quarantine
    from k3m_kg.ingest.report import SourceProgress, SourceReport
    from k3m_kg.pictures.fetch.settings import FetchCounts

_SHOWN_FAILURES = 5


def ingest(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Catalog files.", show_default=False)
    ],
    db: DatabaseOption = DEFAULT_DATABASE,
    format: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="auto, k3m-tsv, csv, jsonl, parquet, magento, rdf, or a plugin's.",
        ),
    ] = "auto",
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML file that says what the columns mean."),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Take the mapping that is suggested for a source without one, and keep it as "
            "<source name>.mapping.yaml.",
        ),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of the format; `k3m-kg plugins show NAME` lists them.  [repeatable]",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder or archive (zip, tar, tar.gz, tar.zst) with the pictures, by file name or "
            "by product id.",
        ),
    ] = None,
    image_store: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where pictures from archives and URLs are kept.  [default: <SQLite file>.images]",
        ),
    ] = None,
    fetch_images: Annotated[
        bool, typer.Option("--fetch-images", help="Fetch the pictures of http and https URLs.")
    ] = False,
    refetch_images: Annotated[
        bool,
        typer.Option("--refetch-images", help="The same, and ask whether fetched ones changed."),
    ] = False,
    fetch_per_host: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Fetches from one host at a time.")
    ] = 4,
    max_image_bytes: Annotated[
        int, typer.Option(metavar="N", min=1, help="A larger picture is not fetched.")
    ] = 20 << 20,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Fetch from this host too, where its address is private.  [repeatable]",
        ),
    ] = None,
    allow_network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR",
            help="Fetch from this private network too, such as 10.1.0.0/16.  [repeatable]",
        ),
    ] = None,
    allow_private_addresses: Annotated[
        bool, typer.Option("--allow-private-addresses", hidden=True)
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the catalog is called in the graph: a later file of that name replaces it, "
            "wherever it lies.  [default: its path]",
        ),
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where rejected rows go.  [default: <source name>.quarantine.jsonl]",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="One rejected row fails the whole ingest.")
    ] = False,
    allow_rejected: Annotated[
        bool,
        typer.Option(
            "--allow-rejected",
            help="Take a source although more than 5 % of its rows, and more than ten, are "
            "rejected.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would change; change nothing.")
    ] = False,
    memory: MemoryOption = None,
    json: JsonFlag = False,
) -> None:
    """Bring catalog files into the graph.

    Each source is one transaction: all of it or nothing. A source that did not change adds
    nothing; one that did yields the difference. The graph is what all its sources say: what a
    source no longer states is taken back, unless another one states it too.
    """
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from k3m_kg.ingest.options import IngestOptions
    from k3m_kg.ingest.planning import plan_sources
    from k3m_kg.ingest.quarantine import Quarantine
    from k3m_kg.pictures.fetch.addresses import AllowedAddresses
    from k3m_kg.pictures.fetch.settings import FetchSettings

    if allow_private_addresses:
        raise UsageError(
            "is no more: it let a catalog reach every address that this machine reaches",
            where="--allow-private-addresses",
            hint="name what may be fetched from: --allow-host pim.intern or "
            "--allow-network 10.1.0.0/16, each as often as needed",
        )
    allowed = AllowedAddresses.of(allow_host or [], allow_network or [])
    fetch = None
    if fetch_images or refetch_images:
        fetch = FetchSettings(
            connections=max(FetchSettings().connections, fetch_per_host),
            per_host=fetch_per_host,
            max_bytes=max_image_bytes,
            allowed=allowed,
            refetch=refetch_images,
        )
    if accept and mapping is not None:
        raise UsageError("goes without --mapping: it takes a suggested one", where="--accept")
    with ExitStack() as stack:
        folder = None
        if accept:
            made = stack.enter_context(TemporaryDirectory(prefix="k3m-kg-")) if dry_run else ""
            folder = Path(made)
        options = IngestOptions(
            format,
            mapping,
            images,
            strict,
            dry_run,
            image_store,
            fetch,
            tuple(settings or ()),
            limits_of(None, memory),
            allow_rejected,
            folder,
            source,
        )
        rejected = stack.enter_context(Quarantine(quarantine))
        for path in sources:
            if quarantine is None and rejected.path_for(path).is_symlink():
                raise UsageError(
                    "is a link, and rejected rows do not go through one that nobody named",
                    where=str(rejected.path_for(path)),
                    hint="name a file with --quarantine",
                )
            guard("--quarantine", rejected.path_for(path), db=db)
            guard("--image-store", image_store, files=_read(path, mapping, images, db))
        plans = plan_sources(sources, options, rejected)
        for plan in plans:
            if accept and plan.mapping is not None:
                kept = "" if dry_run else f", kept as {plan.mapping}"
                note(f"{plan.path}: by the mapping that was suggested{kept}")
        store = stack.enter_context(_open(db, dry_run))
        try:
            reports = _run(store, plans, options, rejected)
        except CatalogError as error:
            raise _of_another_format(error, format) from error.__cause__
    if json:
        print_json(_as_json(reports, dry_run))
    else:
        for report in reports:
            _print_report(report, dry_run)


def _of_another_format(error: CatalogError, named: str) -> CatalogError:
    """The error, with the format that a file looks like where another one was named."""
    from k3m_kg.readers.choosing import AUTO, looks_like

    if named == AUTO or error.where is None:
        return error
    other = looks_like(Path(error.where))
    if other not in (None, named):
        told = f"it looks like a file of {other}, and --format says {named}"
        error.hint = told if error.hint is None else f"{told}\n  {error.hint}"
    return error


def _open(db: str, dry_run: bool) -> AbstractContextManager[GraphStore]:
    """The store, made if it is not there; a dry run makes it in a folder that goes away."""
    from contextlib import contextmanager
    from tempfile import TemporaryDirectory

    from k3m_kg.graph.store import GraphStore

    @contextmanager
    def rehearsal() -> Iterator[GraphStore]:
        with (
            TemporaryDirectory(prefix="k3m-kg-") as folder,
            GraphStore.create(f"sqlite:///{folder}/rehearsal.db")[0] as store,
        ):
            yield store

    if dry_run and not GraphStore.exists(db):
        return rehearsal()

    @contextmanager
    def opened() -> Iterator[GraphStore]:
        store, created = GraphStore.create(db)
        if created:
            note(f"created {store.url}")
        with store:
            try:
                yield store
            except BaseException:
                if created and store.remove_unused():
                    note(f"removed {store.url}: nothing was brought in")
                raise

    return opened()


def _read(
    source: Path, mapping: Path | None, images: Path | None, db: str
) -> list[tuple[str, Path | None]]:
    """What an ingest reads, each with what it is."""
    from k3m_kg.graph.database.engine import parse_url, sqlite_file

    file = sqlite_file(parse_url(db))
    return [
        ("a source", source),
        ("the mapping", mapping),
        ("the pictures", images),
        ("the database", file),
    ]


def _run(
    store: GraphStore,
    plans: Sequence[SourcePlan],
    options: IngestOptions,
    rejected: Quarantine,
) -> list[SourceReport]:
    from k3m_kg.ingest.accepting import with_preview
    from k3m_kg.ingest.pipeline import ingest_planned

    with progress_bar() as bar:
        tasks: dict[str, Any] = {}

        def show(progress: SourceProgress) -> None:
            if progress.source not in tasks:
                name = Path(progress.source).name
                tasks[progress.source] = bar.add_task(name, total=progress.lines, info="")
            bar.update(
                tasks[progress.source],
                completed=progress.line,
                total=progress.lines,
                info=f"{progress.products:,} products",
            )

        def show_fetched(source: str, counts: FetchCounts) -> None:
            task = f"pictures of {source}"
            if task not in tasks:
                tasks[task] = bar.add_task(f"{Path(source).name}: pictures", total=None, info="")
            bar.update(
                tasks[task],
                completed=counts.fetched + counts.kept + counts.failed,
                info=f"{counts.bytes / 1e6:,.1f} MB, {counts.failed:,} failed",
            )

        try:
            return ingest_planned(
                store,
                plans,
                options,
                quarantine=rejected,
                on_progress=show,
                on_wait=note_waiting,
                on_fetch=show_fetched,
            )
        except MappingNeeded as needed:
            plan = next(plan for plan in plans if str(plan.path) == needed.where)
            raise with_preview(needed, plan.chosen, plan.path, options.limits) from None
        except KeyboardInterrupt:
            raise K3MError(
                "interrupted; of a source that was not finished nothing was kept",
                hint="run the same command again; pictures that were fetched stay fetched",
            ) from None


def _changed(counts: IngestCounts) -> int:
    return counts.products_added + counts.products_updated + counts.products_removed


def _as_json(reports: Sequence[SourceReport], dry_run: bool) -> dict[str, Any]:
    from collections import Counter
    from dataclasses import asdict

    total: Counter[str] = Counter()
    for report in reports:
        total.update(asdict(report.counts))
    return {
        **total,
        "dry_run": dry_run,
        "sources": [
            {
                "source": report.source,
                "format": report.format,
                "unchanged": report.unchanged,
                "run": report.run,
                "quarantine": report.quarantine,
                "notes": report.notes,
                **asdict(report.counts),
                "changes": changes_as_json(report.changes),
                "image_failures": [asdict(failure) for failure in report.failures],
                "images_near": report.images_near,
                "images_fetched": asdict(report.fetched) if report.fetched else None,
            }
            for report in reports
        ],
    }


def _print_report(report: SourceReport, dry_run: bool) -> None:
    counts = report.counts
    would = "would be " if dry_run else ""
    if (fetched := report.fetched) is not None:
        say(
            f"{report.source}: pictures: {fetched.fetched:,} fetched "
            f"({fetched.bytes / 1e6:,.1f} MB), {fetched.kept:,} not changed, "
            f"{fetched.failed:,} failed"
        )
    if report.unchanged:
        say(f"{report.source}: unchanged since its last ingest ({counts.products_read:,} products)")
        if report.quarantine is not None:
            say(
                f"  {counts.rows_quarantined:,} rows were rejected then; why: {report.quarantine} "
                "(remove it to have them looked at again)"
            )
        return
    say(
        f"{report.source} ({report.format}): {counts.products_read:,} products: "
        f"{counts.products_added:,} {would}added, {counts.products_updated:,} updated, "
        f"{counts.products_unchanged:,} unchanged, {counts.products_removed:,} removed; "
        f"triples: {counts.triples_added:,} added, {counts.triples_removed:,} removed"
    )
    for text in report.notes:
        say(f"  note: {text}")
    say(
        f"  images: {counts.images_found:,} found, {counts.images_failed:,} failed, "
        f"{counts.images_not_local:,} not local"
    )
    if report.images_near:
        say(
            f"  {report.images_near:,} of them under a name that differs in Unicode form, letter "
            "case or percent-encoding"
        )
    if counts.rows_repeated:
        say(f"  {counts.rows_repeated:,} rows repeat an earlier row")
    if counts.rows_quarantined:
        where = f"; they would be in {report.quarantine}" if dry_run else ""
        where = where or f", with reasons in {report.quarantine}"
        say(f"  {counts.rows_quarantined:,} rows rejected{where}")
    were = would or "were "
    if counts.products_kept:
        say(
            f"  {counts.products_kept:,} products of rejected rows {were}kept as this source "
            "stated them before"
        )
    if counts.products_left:
        say(f"  {counts.products_left:,} products {were}left to the other sources that state them")
    if report.run is not None:
        say(f"  run {report.run}: `k3m-kg diff {report.run}` shows it, `undo` takes it back")
    print_changes(report.changes)
    if dry_run and len(report.changes) < _changed(counts):
        say(f"... and {_changed(counts) - len(report.changes):,} more products")
    for failure in report.failures[:_SHOWN_FAILURES]:
        say(f"  image of {failure.product}: {failure.source}: {failure.error}")
    if counts.images_failed > _SHOWN_FAILURES:
        say(f"  ... and {counts.images_failed - _SHOWN_FAILURES:,} more; --json lists them")
