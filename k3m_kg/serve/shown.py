"""Runs and sources as they are shown: sources are paths, and no path leaves this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import PurePath

from k3m_kg.graph.stored import Run
from k3m_kg.graph.tables import RunKind

_PROPOSALS = f"{RunKind.PROPOSAL}:"


def shown_source(name: str) -> str:
    """A source without the folders that it lies in."""
    return PurePath(name.removeprefix(_PROPOSALS)).name or name


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run as people see it.

    Attributes:
        source: without its folder.
        at: when it ended, ISO 8601, UTC.
        holds: whether it was not taken back.
    """

    id: int
    kind: str
    source: str
    format: str
    at: str
    holds: bool
    undone_at: str | None
    counts: dict[str, int]


def shown_run(run: Run) -> ShownRun:
    """A run as people see it."""
    return ShownRun(
        run.id,
        run.kind,
        shown_source(run.source),
        run.format,
        run.finished_at,
        run.undone_at is None,
        run.undone_at,
        asdict(run.counts),
    )
