"""SPARQL with the limits of a server: so long, so many rows, so many at once."""

from __future__ import annotations

import threading

from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.sparql import SparqlResult, query
from k3m_kg.serve.problems import Refused
from k3m_kg.serve.settings import ServeSettings
from k3m_kg.workers.limits import Limits

_WAIT = 5.0


class QuerySlots:
    """So many queries run at once; the next ones wait a little, or are turned away."""

    def __init__(self, store: GraphStore, settings: ServeSettings) -> None:
        self._store, self._settings = store, settings
        self._free = threading.BoundedSemaphore(settings.queries_at_once)

    def run(self, text: str) -> SparqlResult:
        """Run a query, in a process of its own.

        Raises:
            Refused: 503, where others run for too long.
            K3MError: the query is none, or met a limit.
        """
        if not self._free.acquire(timeout=_WAIT):
            raise Refused(503, "Other queries are running.", retry=int(_WAIT))
        try:
            limits = Limits(self._settings.query_seconds)
            return query(self._store, text, limits=limits, limit=self._settings.query_rows)
        finally:
            self._free.release()
