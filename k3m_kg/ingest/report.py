"""Last step of an ingest, count: what was done, as callers are told."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from k3m_kg.errors import CatalogError
from k3m_kg.graph.stored import ImageFailure, IngestCounts, Overlap, SubjectDiff
from k3m_kg.graph.writing.session import IngestSession
from k3m_kg.graph.writing.writer import GraphWriter
from k3m_kg.ingest.planning import SourcePlan
from k3m_kg.ingest.quarantine import SetAside
from k3m_kg.ingest.writing import WrittenBatch
from k3m_kg.pictures.fetch.settings import FetchCounts
from k3m_kg.pictures.locate import NO_FILE

LISTED_FAILURES = 1000
"""Failed pictures that a report names; the graph knows all of them."""
REJECTED_SHARE, REJECTED_FREE = 0.05, 10
"""A source of which a larger share is rejected, and more rows than that, is not taken."""
LISTED_CHANGES = 20
"""Changes that the report of a dry run shows; `k3m-kg diff` shows all of a real one."""


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
        quarantine: the file with the rejected rows, if there are any; in a dry run, where they
            would be.
        changes: in a dry run, what the first products would become, at most `LISTED_CHANGES`.
        failures: pictures that cannot be used, at most `LISTED_FAILURES`.
        fetched: what was fetched; None where URLs were not to be.
        images_near: pictures whose file differs from what was written in Unicode form, letter case
            or percent-encoding; they are among those found.
        notes: what the reader guessed or left out.
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
    images_near: int = 0
    notes: list[str] = field(default_factory=list)


class Tally:
    """Counts one source while it is written.

    Attributes:
        report: so far.
    """

    def __init__(
        self, plan: SourcePlan, aside: SetAside, on_progress: Callable[[SourceProgress], None]
    ) -> None:
        self._plan = plan
        self._aside = aside
        self._on_progress = on_progress
        self._subjects = 0
        self.report = SourceReport(str(plan.path), plan.version.format)

    def add(self, batch: WrittenBatch) -> None:
        """Count a batch and tell how far that is."""
        for row in batch.rejected:
            self._aside.add(row)
        self.report.images_near += batch.near
        room = LISTED_FAILURES - len(self.report.failures)
        self.report.failures.extend(batch.failures[:room])
        self._subjects += batch.subjects
        lines = max(batch.line, self._plan.lines)
        source = str(self._plan.path)
        self._on_progress(SourceProgress(source, batch.line, lines, self._subjects))

    def finish(
        self,
        session: IngestSession,
        writer: GraphWriter,
        *,
        dry_run: bool,
        allow_rejected: bool = False,
    ) -> SourceReport:
        """Close the run and report it.

        Raises:
            CatalogError: there was no product, or too many rows are rejected and not
                `allow_rejected`.
        """
        if not self._subjects:
            raise CatalogError(self._no_product(), where=str(self._plan.path))
        if not allow_rejected:
            self._refuse_too_many()
        report = self.report
        report.notes = [*self._plan.notes, *self._aside.all_notes(), *self._of_pictures()]
        if self._aside.rows:
            report.quarantine = str(self._aside.path)
        for product in self._aside.products:
            session.keep(product)
        report.counts = session.finish(self._aside.rows)
        report.notes += self._of_lost_pictures()
        if self._plan.last is None:
            run = None if dry_run else session.run
            report.notes += self._of_overlap(session.overlaps.largest(), run)
        if dry_run:
            report.changes = list(islice(writer.diff(session.run), LISTED_CHANGES))
        else:
            report.run = session.run
        return report

    def _of_pictures(self) -> Iterator[str]:
        """What to do about names of files that were looked for beside the source alone."""
        if self._plan.version.images_folder is not None:
            return
        missing = [one.source for one in self.report.failures if one.error == NO_FILE]
        relative = [name for name in missing if not Path(name).is_absolute()]
        if not relative:
            return
        found = self._folder_with(relative[0])
        yield f"pictures such as {relative[0]!r} are not beside the file" + (
            f", but in {found.name}: --images {shlex.quote(str(found))} reads them"
            if found
            else ": --images DIR says in which folder, or archive, they are"
        )

    def _folder_with(self, name: str) -> Path | None:
        """The folder beside the source in which this picture lies."""
        with suppress(OSError):  # it may be one that nobody may list
            for folder in sorted(self._plan.path.parent.iterdir()):
                with suppress(OSError, ValueError):
                    if (folder / name).is_file():
                        return folder
        return None

    def _of_lost_pictures(self) -> Iterator[str]:
        """Where the last ingest was given a folder or archive, and found more."""
        last, now = self._plan.last, self.report.counts.images_found
        if last is None or last.images_folder is None or last.images_found <= now:
            return
        if (
            last.images_folder == self._plan.version.images_folder
            and Path(last.images_folder).exists()
        ):
            return
        yield (
            f"{last.images_found:,} pictures were found in its last ingest, with --images "
            f"{last.images_folder}, and {now:,} are now"
        )

    def _of_overlap(
        self, largest: tuple[str, Overlap, bool] | None, run: int | None
    ) -> Iterator[str]:
        """What to do where a new source says what another one says: it may be a newer version."""
        if largest is None:
            return
        name, overlap, other_first = largest
        what = [
            f"{count:,} {kind}"
            for count, kind in ((overlap.titles, "titles"), (overlap.categories, "categories"))
            if count
        ]
        differ = f": {' and '.join(what)} differ, and those of {{}} are shown" if what else ""
        place = "before" if other_first else "after"
        note = (
            f"{overlap.products:,} products are stated by {name} too, which comes {place} this "
            f"source{differ.format('that source' if other_first else 'this one')}"
        )
        if overlap.products * 2 >= self.report.counts.products_read:
            undo = "" if run is None else f"`k3m-kg undo {run}`, then "
            path = shlex.quote(str(self._plan.path))
            note += (
                f"; if this is a newer version of it: {undo}"
                f"`k3m-kg ingest {path} --source {shlex.quote(name)}`"
            )
        yield note

    def _refuse_too_many(self) -> None:
        rejected = self._aside.rows
        rows = self._subjects + rejected
        if rejected > REJECTED_FREE and rejected > REJECTED_SHARE * rows:
            raise CatalogError(
                f"{rejected:,} of {rows:,} rows were rejected ({rejected / rows:.0%}), so nothing "
                f"of it was taken; most often: {self._aside.commonest}",
                where=str(self._plan.path),
                hint=f"{self._aside.told}; mend the file or the mapping, or "
                "take the other rows with --allow-rejected",
            )

    def _no_product(self) -> str:
        rows = self._aside.rows
        if not rows:
            return "there is no product in this file"
        return (
            f"no row of this file could be read as {self._plan.version.format}: "
            f"all {rows} were rejected, the first on {self._aside.first_reason} "
            f"({self._aside.told})"
        )
