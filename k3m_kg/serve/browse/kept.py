"""What is made of the whole graph and takes a while: kept, and made anew behind the requests."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import func, select

from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import ingest_runs, sources

T = TypeVar("T")
_PATIENCE = 0.8
"""Seconds that a request waits for what usually takes less."""
_REST = 20
"""What took a second is not made again for so many seconds, however often the graph changes."""
_LOG = logging.getLogger("k3m_kg.serve")
GraphStamp = tuple[int | None, int, int | None]
_STAMP = select(
    select(func.max(ingest_runs.c.id)).scalar_subquery(),
    select(func.count(ingest_runs.c.undone_at))
    .where(ingest_runs.c.undone_at.is_not(None))
    .scalar_subquery(),
    select(func.sum(sources.c.place * sources.c.id)).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class KeptValue(Generic[T]):
    """What is known.

    Attributes:
        fresh: whether the graph is still as it was then.
        run: the newest run that is in it.
    """

    value: T
    fresh: bool
    run: int | None


class KeptFromGraph(Generic[T]):
    """One such thing.

    Args:
        store: the graph.
        make: from one state of it to what is kept; in a thread of its own.
        prepare: what is done before that, and may write.
    """

    def __init__(
        self,
        store: GraphStore,
        make: Callable[[GraphReader], T],
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._make, self._prepare = store, make, prepare
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._working = False
        self._known: tuple[T, GraphStamp] | None = None
        self._took = self._ended = 0.0
        self._error: Exception | None = None

    def get(self, patience: float = _PATIENCE) -> KeptValue[T] | None:
        """What is known; None where it is made for the first time, for longer than `patience`.

        Raises:
            K3MError: it could not be made.
        """
        with self._store.reading() as reader:
            stamp = graph_stamp(reader)
        with self._lock:
            if self._known is not None and self._known[1] == stamp:
                return KeptValue(self._known[0], True, stamp[0])
            rested = time.monotonic() - self._ended >= _REST * max(0.0, self._took - _PATIENCE)
            if not self._working and (self._known is None or rested):
                self._working = True
                self._done.clear()
                threading.Thread(target=self._work, daemon=True, name="k3m-kg-kept").start()
            wait = self._working and (self._known is None or self._took < patience)
        if wait:
            self._done.wait(patience)
        with self._lock:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._known is None:
                return None
            value, made = self._known
        return KeptValue(value, made == stamp, made[0])

    def _work(self) -> None:
        began = time.monotonic()
        try:
            self._prepare()
            with self._store.reading() as reader:
                stamp = graph_stamp(reader)
                found = self._make(reader)
            with self._lock:
                self._known = (found, stamp)
        except Exception as error:
            _LOG.warning("could not be made: %s", error)
            with self._lock:
                self._error = error
        finally:
            with self._lock:
                self._ended = time.monotonic()
                self._took = self._ended - began
                self._working = False
            self._done.set()


def graph_stamp(reader: GraphReader) -> GraphStamp:
    """Changes with every run that is committed or undone, and with the order of sources."""
    newest, undone, order = reader.connection.execute(_STAMP).one()
    return newest, undone, order
