"""First step of an ingest, plan: is each source fit to be read, by which reader, and which version.

Nothing is written and no database is made before every source has been looked at.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from k3m_kg.errors import CatalogError, UsageError
from k3m_kg.files import Kept, check_output
from k3m_kg.graph.stored import LastIngest, SourceVersion
from k3m_kg.ingest.accepting import accepted, check_mapping
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.pictures.sources import check_given
from k3m_kg.readers.choosing import ChosenReader, choose_reader
from k3m_kg.readers.compressed import pictures_beside
from k3m_kg.readers.mapping import tables_beside


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source that was found fit to be read.

    Attributes:
        stamp: size and modification time that its content was hashed at.
        lines: in the file as it lies there, for a progress bar.
        notes: what a user should know before it is read.
        last: its last ingest; None of a new source.
    """

    path: Path
    chosen: ChosenReader
    mapping: Path | None
    version: SourceVersion
    stamp: tuple[int, int]
    lines: int
    notes: tuple[str, ...] = ()
    last: LastIngest | None = None

    def after(self, last: LastIngest | None) -> SourcePlan:
        """The plan, given the last ingest: its folder of pictures stays where none is given."""
        if last is None or last.images_folder is None or self.version.images_folder is not None:
            return replace(self, last=last)
        earlier = Path(last.images_folder)
        beside = earlier if earlier == self.path.resolve() else None
        return replace(
            self,
            last=last,
            version=replace(self.version, images_folder=last.images_folder),
            notes=tuple(_notes(self.chosen, self.path, beside)),
        )

    def check_unchanged(self) -> None:
        """See that the file is still the one that was planned.

        Raises:
            CatalogError: it changed.
        """
        if _stamp(self.path) != self.stamp:
            raise CatalogError(
                "the file changed while it was read; nothing of it was kept",
                where=str(self.path),
                hint="run again when it is complete",
            )


def plan_sources(
    sources: Sequence[Path], options: IngestOptions, quarantine: Quarantine
) -> list[SourcePlan]:
    """Look at every source.

    Raises:
        UsageError: an option or format makes no sense.
        MappingNeeded: a source cannot be read without a mapping, and there is none.
        CatalogError: a source is missing or cannot be read.
        PluginError: a reader breaks its contract.
    """
    check_given(options.images)
    if options.mapping is not None and not options.mapping.exists():
        raise UsageError(f"{options.mapping}: no such file", where="--mapping")
    _check_name(options.source, sources)
    kept = [Kept("a source", source) for source in sources]
    named = (("the mapping", options.mapping), ("the pictures", options.images))
    kept += [Kept(what, path) for what, path in named if path is not None]
    for source in sources:
        check_output(quarantine.path_for(source), kept, where="--quarantine")
    return [_plan(path, options) for path in sources]


def _check_name(name: str | None, sources: Sequence[Path]) -> None:
    if name is None:
        return
    if len(sources) > 1:
        raise UsageError("one name, and several sources", where="--source")
    if not name.strip() or not name.isprintable():
        raise UsageError(f"{name!r} is no name", where="--source")


def _plan(path: Path, options: IngestOptions) -> SourcePlan:
    if path.is_dir():
        raise CatalogError(
            "is a folder, not a file", where=str(path), hint="name the catalog file in it"
        )
    if not path.exists():
        raise CatalogError("no such file", where=str(path))
    if not path.is_file():
        raise CatalogError("is no regular file", where=str(path))
    stamp = _stamp(path)
    if stamp[0] == 0:
        raise CatalogError("the file is empty", where=str(path))
    mapped = options.mapping is not None
    chosen = choose_reader(path, options.format, options.settings, mapped=mapped)
    mapping = options.mapping
    if mapping is None and chosen.record.takes_mapping:
        if options.accept is not None:
            mapping = accepted(chosen, path, stamp[0], options.limits, options.accept)
        elif not chosen.record.native:  # those start a process to be asked
            check_mapping(chosen, path, stamp[0], options.limits)
    content_hash, lines = _hash(path)
    version = SourceVersion(
        name=options.source or str(path.resolve()),
        format=chosen.name,
        content_hash=content_hash,
        mapping_hash=_hash_of_reading(mapping, chosen),
        images_folder=str(options.images.resolve()) if options.images else None,
    )
    notes = tuple(_notes(chosen, path, options.images))
    return SourcePlan(path, chosen, mapping, version, stamp, lines, notes)


def _notes(chosen: ChosenReader, path: Path, images: Path | None) -> Iterator[str]:
    if chosen.better is not None:
        yield (
            f"this is a file of {chosen.better}, which is read without a mapping; with one it is "
            f"read as {chosen.name}, as the mapping says"
        )
    if images is None and (count := pictures_beside(path)):
        yield (
            f"there are {count:,} pictures in it beside the catalog: --images {path} takes them "
            "from there"
        )


def _hash_of_reading(mapping: Path | None, chosen: ChosenReader) -> str | None:
    """What else than the content decides what is read: mapping, settings, and their files."""
    digest = _hash(mapping)[0] if mapping else None
    if mapping is not None and (tables := tables_beside(mapping)):
        digest = hashlib.sha256(
            "".join([digest or "", *(_hash(table)[0] for table in tables)]).encode()
        ).hexdigest()
    if not (changed := chosen.changed_settings):
        return digest
    given = dict(chosen.settings)
    changed |= {
        f"content of {name}": _hash(path)[0]
        for name in changed
        if isinstance(path := given[name], Path)
    }
    text = json.dumps([digest, changed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _hash(path: Path) -> tuple[str, int]:
    """SHA-256 of a file, and its number of lines for the progress bar."""
    digest = hashlib.sha256()
    lines = 0
    try:
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):  # a device may never end
            raise CatalogError(
                "is no ordinary file", where=str(path), hint="write what it gives into a file"
            )
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                lines += chunk.count(b"\n")
    except OSError as error:
        raise CatalogError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    return digest.hexdigest(), lines
