"""The review desk: what a server or a command does with the queue, one transaction each."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, select

from k3m_kg.errors import GraphError, UsageError, unknown_name
from k3m_kg.graph.reviewing import looking
from k3m_kg.graph.reviewing.deciding import REVIEWER, Decided
from k3m_kg.graph.reviewing.items import (
    AskedShare,
    DecidedAs,
    DecidedItem,
    QueueCount,
    ReviewItem,
    ReviewOffer,
    ReviewOrder,
)
from k3m_kg.graph.reviewing.queue import QueuedItems, property_number
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import Undone
from k3m_kg.graph.tables import ItemKind, Judgement, sources

LEASE = 600.0
"""Seconds for which an item is one reviewer's."""
RANDOM_SHARE = 0.1
"""Of the items that are given out, those that come from the random stream."""
_LONGEST_NAME = 200


class ReviewDesk:
    """Gives out items and takes decisions.

    Promises, the same on SQLite and PostgreSQL:

    - **Acknowledged is durable.** When `decide` returns, the decision is committed; a process that
      is killed loses none. What somebody has before him is not: a machine that loses power may
      forget the last that were given out, and gives them to somebody else.
    - **One item, one reviewer.** What `next` gives nobody else gets until it is decided or
      released, or its lease is over; with `again` a second reviewer gets what another one decided.
    - **A decision is a run.** `undo` takes it back, in any order; its items wait again.
    - **No second decision by mistake.** The same answer of the same reviewer again does nothing.

    Writers wait for each other, as those of `GraphStore` do. Threads may share a desk.

    Args:
        store: the graph.
        clock: seconds since 1970.
        lease: seconds for which an item is one reviewer's.
        random_share: of the items given out, those that come from the random stream, which keeps
            estimates honest; 0 to 1, by default `RANDOM_SHARE`.
        draw: uniform numbers from 0 to 1.
        patience: seconds to wait for another writer.
    """

    def __init__(
        self,
        store: GraphStore,
        *,
        clock: Callable[[], float] = time.time,
        lease: float = LEASE,
        random_share: float | None = None,
        draw: Callable[[], float] = random.random,
        patience: float = 60.0,
    ) -> None:
        self._store, self._clock, self._lease = store, clock, lease
        self._random_share = RANDOM_SHARE if random_share is None else random_share
        self._draw, self._patience = draw, patience

    def add(self, model: str, offers: Iterable[ReviewOffer]) -> QueuedItems:
        """Put proposals and findings into the queue, each question once; all or nothing.

        What people have decided is not asked again, nor what sources state by now. An open
        question that is asked again has from now on what the model says now.

        Raises:
            GraphError: a product is not in the graph, a text is empty, a probability is none.
        """
        with self._store.writing(patience=self._patience) as writer:
            return writer.add_items(model, offers, self._clock())

    def next(
        self,
        reviewer: str,
        count: int = 1,
        *,
        order: ReviewOrder = ReviewOrder.UNCERTAINTY,
        property: str | None = None,
        kind: ItemKind | None = None,
        having: Collection[int] = (),
        again: bool = False,
    ) -> list[ReviewItem]:
        """The next items for a reviewer, at most `count`; first those that he has already.

        Args:
            having: numbers of items that he has before him.
            again: what others decided, for a second opinion.

        Raises:
            UsageError: a reviewer without a name, or no such property.
        """
        _check_name(reviewer)
        now = self._clock()
        with self._store.writing(durable=False, patience=self._patience) as writer:
            number = None
            if property is not None:
                number = property_number(writer.connection, property)
                if number is None:
                    names = [row.property for row in looking.queue_counts(writer.connection)]
                    raise UsageError(unknown_name("property", property, set(names)))
            return looking.items_of(
                writer.connection,
                writer.take_items(
                    f"{REVIEWER}{reviewer}",
                    count,
                    now=now,
                    until=now + self._lease,
                    by_lot=lambda: self._draw() < self._random_share,
                    order=order,
                    property_=number,
                    kind=kind,
                    having=having,
                    again=again,
                ),
            )

    def release(self, reviewer: str, items: Sequence[int]) -> None:
        """Give items back undecided."""
        with self._store.writing(durable=False, patience=self._patience) as writer:
            writer.release_items(f"{REVIEWER}{reviewer}", items)

    def decide(
        self,
        reviewer: str,
        items: Sequence[int],
        answer: DecidedAs,
        value: str | None = None,
        *,
        blind: bool = False,
    ) -> Decided:
        """Decide one item, or several equal ones at once, as one run; durable when it returns.

        Args:
            value: the right value, of a correction.
            blind: the reviewer was shown no probability.

        Raises:
            UsageError: no items, a value that is none, or a reviewer without a name.
            GraphError: there is no such item.
            ReviewConflict: another reviewer has all of them, or has decided them meanwhile.
        """
        _check_name(reviewer)
        with self._store.writing(patience=self._patience) as writer:
            return writer.decide(
                f"{REVIEWER}{reviewer}", items, answer, value, blind=blind, now=self._clock()
            )

    def undo(self, reviewer: str) -> tuple[Undone, tuple[int, ...]]:
        """Take a reviewer's last decision back.

        Returns:
            What it did, and the numbers of the items that wait again and are his: of one that he
            had skipped, another may have it by now.

        Raises:
            GraphError: there is none.
        """
        with self._store.writing(patience=self._patience) as writer:
            run = writer.last_decision(f"{REVIEWER}{reviewer}")
            if run is None:
                raise GraphError(f"{reviewer!r} has decided nothing that could be undone")
            items = writer.items_decided(run)
            undone = writer.undo(run)
            now = self._clock()
            return undone, writer.hold_items(
                f"{REVIEWER}{reviewer}", items, now=now, until=now + self._lease
            )

    def item(self, number: int) -> ReviewItem | None:
        """The item of that number."""
        with self._reading() as connection:
            return next(iter(looking.items_of(connection, [number])), None)

    def equal(self, item: int, reviewer: str | None = None, limit: int = 200) -> list[ReviewItem]:
        """Open items that ask the same of other products: property, value, doubted value."""
        with self._reading() as connection:
            number = None if reviewer is None else _number_of(connection, reviewer)
            return looking.equal_items(connection, item, number, self._clock(), limit)

    def counts(self) -> list[QueueCount]:
        """How far the review is, by kind and property."""
        with self._reading() as connection:
            return looking.queue_counts(connection)

    def decided(self, reviewer: str | None = None, limit: int | None = None) -> list[DecidedItem]:
        """Decisions that hold, newest first."""
        with self._reading() as connection:
            number = None
            if reviewer is not None and (number := _number_of(connection, reviewer)) is None:
                return []
            return looking.decided_items(connection, reviewer=number, limit=limit)

    def values(self, property: str, text: str = "", limit: int = 12) -> list[tuple[str, int]]:
        """Values that a property takes and that hold a text, with how often."""
        with self._reading() as connection:
            number = property_number(connection, property)
            return [] if number is None else looking.values_like(connection, number, text, limit)

    def agreement(self) -> tuple[int, int]:
        """Items that two reviewers decided, and of how many both said the same."""
        with self._reading() as connection:
            return looking.agreement(connection)

    def shares(self, model: str | None = None) -> list[AskedShare]:
        """Every proposal of the queue as a number, decided or not; of one model, or of all."""
        with self._reading() as connection:
            return list(looking.asked_shares(connection, model))

    def promised(self) -> list[AskedShare]:
        """The proposals that a precision was promised for, decided or not."""
        with self._reading() as connection:
            return list(looking.asked_shares(connection, promised=True))

    def judgements(self) -> list[tuple[str, str | None, str, Judgement]]:
        """(product, property or None for the category, value, what people say of it)."""
        with self._reading() as connection:
            return list(looking.judgements_that_hold(connection))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._store.reading() as reader:
            yield reader.connection


def _number_of(connection: Connection, reviewer: str) -> int | None:
    return connection.execute(
        select(sources.c.id).where(sources.c.name == f"{REVIEWER}{reviewer}")
    ).scalar_one_or_none()


def _check_name(reviewer: str) -> None:
    if not reviewer.strip() or "\0" in reviewer or len(reviewer) > _LONGEST_NAME:
        raise UsageError(
            "a reviewer needs a name of at most 200 characters: decisions say whose they are"
        )
