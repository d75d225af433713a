"""What every request needs: the graph, and who may come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from k3m_kg.graph.store import GraphStore
from k3m_kg.quality.examination import GraphQuality, examine
from k3m_kg.serve.asking.desk import Answers, ModelDesk
from k3m_kg.serve.browse.index import BrowseIndex
from k3m_kg.serve.browse.kept import KeptFromGraph
from k3m_kg.serve.browse.words import fill_words, words_of
from k3m_kg.serve.guard.roles import Role
from k3m_kg.serve.guard.sessions import Sessions
from k3m_kg.serve.problems import Refused
from k3m_kg.serve.queries import QuerySlots
from k3m_kg.serve.settings import ServeSettings


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the menu, for who has the role."""

    label: str
    path: str
    role: Role = Role.READER


SECTIONS = (
    Section("Start", "/"),
    Section("Browse", "/browse"),
    Section("Review", "/review", Role.REVIEWER),
    Section("Properties", "/properties"),
    Section("Graph", "/graph"),
    Section("Query", "/query"),
    Section("Runs", "/runs"),
)


@dataclass(slots=True)
class Site:
    """One application.

    Attributes:
        store: the graph.
        model: the artifact that is asked; None without one.
        settings: how it serves.
        sessions: who is who.
        index, quality: made of the whole graph, and kept.
        queries: runs SPARQL.
        answers: opens the model; called once, in the thread that computes.
    """

    store: GraphStore
    model: Path | None
    settings: ServeSettings
    sessions: Sessions
    index: KeptFromGraph[BrowseIndex] = field(init=False)
    quality: KeptFromGraph[GraphQuality] = field(init=False)
    queries: QuerySlots = field(init=False)
    answers: Callable[[], Answers] = field(init=False)
    _desk: ModelDesk | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Nothing is read before somebody asks."""
        store = self.store
        self.index = KeptFromGraph(
            store,
            lambda reader: BrowseIndex.read(reader, words_of(store, reader)),
            lambda: fill_words(store),
        )
        self.quality = KeptFromGraph(self.store, lambda _: examine(self.store))
        self.queries = QuerySlots(self.store, self.settings)
        self.answers = self._open_model

    def start(self) -> None:
        """Begin what goes on behind the requests."""
        if self.model is not None:
            self._desk = ModelDesk(self.answers, self.settings.model_queue)

    def _open_model(self) -> Answers:
        # torch is imported where a model is asked for, and in the thread that opens it.
        from k3m_kg.serve.asking.opened import OpenedAnswers

        assert self.model is not None
        return OpenedAnswers.open(self.model, self.settings)

    def desk(self) -> ModelDesk:
        """Where the model is asked.

        Raises:
            Refused: 404, there is none.
        """
        if self._desk is None:
            raise Refused(404, "No model is served.", "Start it with --model ARTIFACT.")
        return self._desk

    def close(self) -> None:
        """End everything."""
        if self._desk is not None:
            self._desk.close()
        self.store.close()

    @property
    def sections(self) -> tuple[Section, ...]:
        """The menu."""
        return SECTIONS

    @property
    def name(self) -> str:
        """What the graph is called: its file or database, without the way there."""
        return Path(self.store.url.partition("?")[0]).name or "graph"


async def site_of(request: Request) -> Site:
    """The application that a request is for."""
    found: Site = request.app.state.site
    return found


SiteOf = Annotated[Site, Depends(site_of)]
