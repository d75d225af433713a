"""What every request needs: the graph, and who may come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from k3m_kg.graph.store import GraphStore
from k3m_kg.serve.guard.roles import Role
from k3m_kg.serve.guard.sessions import Sessions
from k3m_kg.serve.settings import ServeSettings


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the menu, for who has the role."""

    label: str
    path: str
    role: Role = Role.READER


SECTIONS = (Section("Start", "/"), Section("Review", "/review", Role.REVIEWER))


@dataclass(slots=True)
class Site:
    """One application.

    Attributes:
        store: the graph.
        model: the artifact that is asked; None without one.
        settings: how it serves.
        sessions: who is who.
    """

    store: GraphStore
    model: Path | None
    settings: ServeSettings
    sessions: Sessions

    @property
    def sections(self) -> tuple[Section, ...]:
        """The menu."""
        return SECTIONS

    @property
    def name(self) -> str:
        """What the graph is called: its file or database, without the way there."""
        return Path(self.store.url.partition("?")[0]).name or "graph"


def site_of(request: Request) -> Site:
    """The application that a request is for."""
    found: Site = request.app.state.site
    return found


SiteOf = Annotated[Site, Depends(site_of)]
