"""What goes into an ingest beside its sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from k3m_kg.pictures.fetch.settings import FetchSettings
from k3m_kg.readers.choosing import AUTO
from k3m_kg.workers.limits import Limits


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How sources are ingested.

    Attributes:
        format: a reader's name, or `auto`.
        mapping: the mapping file for formats that need one.
        images: the folder or archive with the pictures; None looks beside each source.
        strict: one rejected row fails the whole ingest.
        accept: where a source comes without the mapping that it needs, take the suggested one, and
            keep it in this folder; None: that is an error.
        allow_rejected: take a source of which many rows are rejected.
        dry_run: count everything, change nothing.
        image_store: the folder for pictures from archives and URLs; None: beside a SQLite file.
        fetch: how the pictures of URLs are fetched; None: not at all. A dry run never does.
        settings: of the reader, each as `key=value` with a YAML value.
        limits: of the workers that read.
        source: what the one source is called in the graph; None: its path.
    """

    format: str = AUTO
    mapping: Path | None = None
    images: Path | None = None
    strict: bool = False
    dry_run: bool = False
    image_store: Path | None = None
    fetch: FetchSettings | None = None
    settings: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    allow_rejected: bool = False
    accept: Path | None = None
    source: str | None = None
