"""The way of catalog sources into the graph: plan, read, locate, write, count.

`planning` looks at each source; `reading_ahead` gives its records (read by this process or a second
one, `reading_worker`), `checked` and hashed; `locating` finds their pictures; what was rejected is
set aside in the `quarantine`; `writing` hands bounded batches to the graph; `report` counts. Each
step takes what the one before gives, and none calls back. With `--fetch-images` a source is read
once before, so that no transaction waits for a server.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from k3m_kg.errors import CatalogError, K3MError, MappingNeeded
from k3m_kg.files import Kept, check_output
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import ImageCheck
from k3m_kg.graph.writing.writer import GraphWriter, Locate
from k3m_kg.ingest.checked import Read
from k3m_kg.ingest.locating import located
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.planning import SourcePlan, plan_sources
from k3m_kg.ingest.quarantine import Quarantine, SetAside
from k3m_kg.ingest.reading_ahead import reading
from k3m_kg.ingest.report import SourceProgress, SourceReport, Tally
from k3m_kg.ingest.writing import written
from k3m_kg.pictures.checker import ImageChecker
from k3m_kg.pictures.fetch.settings import FetchCounts
from k3m_kg.pictures.sources import PictureSources, store_of_earlier
from k3m_kg.records import Note, RejectedRow
from k3m_kg.workers.limits import Limits


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
    plans = [plan.after(store.last_ingest(plan.version.name)) for plan in plans]
    earlier = _earlier(plans, options)
    for plan in plans:
        kept = [*store.files, *(Kept("the pictures", path) for path in earlier.values())]
        check_output(quarantine.path_for(plan.path), kept, where="--quarantine")
    one_transaction = options.strict or options.dry_run
    reports = []
    with ExitStack() as stack:
        stack.enter_context(_fewer_collections())
        again = _store_again(store, plans, options)
        pictures = stack.enter_context(
            PictureSources(
                store.url,
                options.images,
                options.image_store or again,
                options.fetch,
                dry_run=options.dry_run,
                earlier=earlier,
            )
        )
        plans = [_noted(plan, pictures.note(plan.path)) for plan in plans]
        if again is not None:
            note = f"the image store is {again} again, as in an earlier ingest"
            plans = [_noted(plan, note) for plan in plans]
        fetched = [_fetch(plan, pictures, options.limits, on_fetch) for plan in plans]
        checker = stack.enter_context(ImageChecker())
        shared = None
        if one_transaction:
            shared = stack.enter_context(store.writing(commit=not options.dry_run, on_wait=on_wait))
        for plan, counts in zip(plans, fetched, strict=True):
            locate = partial(pictures.locator, plan.path)
            with nullcontext(shared) if shared else store.writing(on_wait=on_wait) as writer:
                mapped = plan.chosen.record.takes_mapping
                aside = SetAside(quarantine, plan.path, dry_run=options.dry_run, mapped=mapped)
                tally = Tally(plan, aside, on_progress)
                report = _ingest_source(plan, writer, locate, checker, aside, tally, options)
                report.fetched = counts
                reports.append(report)
        if options.strict:
            _refuse_rejects(reports, dry_run=options.dry_run)
    return reports


def _earlier(plans: Sequence[SourcePlan], options: IngestOptions) -> dict[Path, Path]:
    """Where the pictures of each source were found, where nobody says where they are now."""
    if options.images is not None:
        return {}
    folders = {plan.path: plan.version.images_folder for plan in plans}
    return {path: Path(folder) for path, folder in folders.items() if folder is not None}


def _store_again(
    store: GraphStore, plans: Sequence[SourcePlan], options: IngestOptions
) -> Path | None:
    """The image store of an earlier ingest, where these sources had pictures and none is named."""
    if not any(plan.last is not None and plan.last.images_found for plan in plans):
        return None
    return store_of_earlier(store.url, options.image_store, store.file_called_by_content)


def _noted(plan: SourcePlan, note: str | None) -> SourcePlan:
    return plan if note is None else replace(plan, notes=(*plan.notes, note))


def _ingest_source(
    plan: SourcePlan,
    writer: GraphWriter,
    locator: Callable[[], Locate],
    check_images: ImageCheck,
    aside: SetAside,
    tally: Tally,
    options: IngestOptions,
) -> SourceReport:
    """One source, down through all steps."""
    counts = writer.unchanged(plan.version, locator())
    # Reasons of rejected rows that somebody has cleared away are found again.
    if counts is not None and (not counts.rows_quarantined or aside.is_there):
        tally.report.counts, tally.report.unchanged = counts, True
        tally.report.quarantine = str(aside.path) if counts.rows_quarantined else None
        return tally.report
    session = writer.session(plan.version, check_images)
    by_id = plan.version.images_folder is not None
    try:
        with _reading(plan, options.limits) as records:
            statements = aside.out_of(located(records, locator(), by_id=by_id))
            for batch in written(session, statements):
                tally.add(batch)
        plan.check_unchanged()
        # With `strict` one rejected row is one too many, which is said after all sources.
        allowed = options.allow_rejected or options.strict
        return tally.finish(session, writer, dry_run=options.dry_run, allow_rejected=allowed)
    except MappingNeeded:
        raise
    except K3MError as error:
        said = [f"note: {text}" for text in (*plan.notes, *aside.all_notes())]
        error.hint = "\n  ".join([*([error.hint] if error.hint else []), *said]) or None
        raise


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Records are many and never refer to each other: looking for cycles would cost a fifth."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _reading(plan: SourcePlan, limits: Limits) -> AbstractContextManager[Iterator[Read]]:
    return reading(plan.chosen, plan.path, plan.mapping, plan.stamp[0], limits)


def _fetch(
    plan: SourcePlan,
    pictures: PictureSources,
    limits: Limits,
    on_fetch: Callable[[str, FetchCounts], None],
) -> FetchCounts | None:
    if not pictures.fetches:
        return None
    with _reading(plan, limits) as records:
        subjects = (item[0] for item in records if not isinstance(item, RejectedRow | Note))
        return pictures.fetch(plan.path, subjects, partial(on_fetch, str(plan.path)))


def _refuse_rejects(reports: Sequence[SourceReport], *, dry_run: bool) -> None:
    bad = [report for report in reports if report.counts.rows_quarantined]
    if bad:
        rows = sum(report.counts.rows_quarantined for report in bad)
        raise CatalogError(
            f"{rows} rejected row{'s' * (rows != 1)}; with --strict nothing was written",
            where=", ".join(report.source for report in bad),
            hint=f"reasons {'would be' if dry_run else 'are'} in "
            f"{', '.join(sorted({str(r.quarantine) for r in bad}))}",
        )
