"""Deciding: each decision is a run, with what follows from it for triples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update

from k3m_kg.errors import GraphError, UsageError
from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.history.journal import chunks
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewConflict
from k3m_kg.graph.reviewing.unsaid import saying_nothing
from k3m_kg.graph.stored import IngestCounts
from k3m_kg.graph.tables import (
    CATEGORY,
    EntityKind,
    ItemState,
    Judgement,
    RunKind,
    decisions,
    ingest_runs,
    judgements,
    proposals,
    review_items,
)
from k3m_kg.graph.writing.session import now as timestamp
from k3m_kg.graph.writing.term_ids import TermDictionary
from k3m_kg.graph.writing.union import GraphUnion, KnownSubjects

REVIEWER = "review:"
"""Before a reviewer's name, as a source of the graph."""
_LONGEST_VALUE = 100_000
_Value = TypeVar("_Value", int, str)


@dataclass(frozen=True, slots=True)
class Decided:
    """What deciding did.

    Attributes:
        run: the run that it is; where all was decided so before, the earlier one.
        items: that it decided.
        left_out: items that another reviewer has or has decided meanwhile.
        repeated: the same reviewer had decided the same before; nothing was done.
    """

    run: int
    items: tuple[int, ...]
    left_out: tuple[int, ...] = ()
    repeated: bool = False


def decide_items(
    connection: Connection,
    dialect: Dialect,
    reviewer: int,
    asked: Sequence[int],
    answer: DecidedAs,
    value: str | None,
    *,
    blind: bool,
    now: float,
) -> Decided:
    """Decide items as one run, within the writer's transaction.

    To say the same again is no second decision, so a reviewer who got no reply may ask once more.

    Raises:
        UsageError: no items, or a correction without a value that is another one.
        GraphError: there is no such item.
        ReviewConflict: another reviewer has all of them, or has decided them meanwhile.
    """
    items = _items(connection, asked)
    if (answer == DecidedAs.CORRECT) != (value is not None):
        raise UsageError("a correction needs the right value, and nothing else has one")
    if value is not None and (not value or "\0" in value or len(value) > _LONGEST_VALUE):
        raise UsageError("the right value must be a text of at most 100,000 characters")
    number = None if value is None else _number_of(connection, dialect, value)
    for item in items:
        if number is not None and number in (item.tail, item.stated):
            raise UsageError(f"{value!r} is what is there already: accept or reject it")
    before = _decided_before(connection, reviewer, [item.id for item in items])
    open_, taken, same = [], [], []
    for item in items:
        if (found := before.get(item.id)) is not None and found[1:] == (answer.value, number):
            same.append(found[0])
        elif _is_free(item, reviewer, now, decided=found is not None):
            open_.append(item)
        else:
            taken.append(item.id)
    if not open_:
        if same:
            return Decided(max(same), (), tuple(taken), repeated=True)
        raise ReviewConflict(
            "another reviewer has this item, or has decided it meanwhile",
            hint="go on with the next one",
        )
    run = _new_run(connection, reviewer, answer, [item.id for item in open_], value)
    _note(connection, dialect, run, reviewer, open_, answer, number, blind=blind)
    return Decided(run, tuple(item.id for item in open_), tuple(taken))


def _number_of(connection: Connection, dialect: Dialect, value: str) -> int:
    """The number of a value; a new one gets its."""
    terms = TermDictionary(connection, dialect)
    number = terms.ids(EntityKind.VALUE, [value])[value]
    terms.flush()
    dialect.settle()
    terms.finish()
    return number


def _is_free(item: Any, reviewer: int, now: float, *, decided: bool) -> bool:
    held = item.held_until is not None and item.held_until > now
    if item.state == ItemState.DECIDED:
        return held and item.held_by == reviewer and not decided  # a second opinion
    return not held or item.held_by == reviewer


_ITEMS = select(review_items).where(review_items.c.id.in_(bindparam("items")))


def _items(connection: Connection, asked: Sequence[int]) -> list[Any]:
    wanted = list(dict.fromkeys(asked))
    if not wanted:
        raise UsageError("no item to decide")
    found = {
        row.id: row
        for chunk in chunks(wanted)
        for row in connection.execute(_ITEMS, {"items": chunk})
    }
    for id_ in wanted:
        if id_ not in found:
            raise GraphError(f"there is no item {id_} to review")
    return [found[id_] for id_ in wanted]


_DECIDED_BEFORE = (
    select(decisions.c.item, decisions.c.run, decisions.c.answer, decisions.c.value)
    .join(ingest_runs, ingest_runs.c.id == decisions.c.run)
    .where(
        decisions.c.item.in_(bindparam("items")),
        decisions.c.reviewer == bindparam("reviewer"),
        decisions.c.answer != DecidedAs.SKIP.value,
        ingest_runs.c.undone_at.is_(None),
    )
    .order_by(decisions.c.run)
)


def _decided_before(
    connection: Connection, reviewer: int, items: Sequence[int]
) -> dict[int, tuple[int, str, int | None]]:
    """Run, answer and value of what a reviewer said of items, by item; skipped ones left out."""
    return {
        row.item: (row.run, row.answer, row.value)
        for chunk in chunks(items)
        for row in connection.execute(_DECIDED_BEFORE, {"items": chunk, "reviewer": reviewer})
    }


_NEW_RUN = insert(ingest_runs).returning(ingest_runs.c.id)
_RUN = update(ingest_runs).where(ingest_runs.c.id == bindparam("run"))
_SKIPPED = (
    update(review_items)
    .where(review_items.c.id.in_(bindparam("items")))
    .values(held_by=None, held_until=None)
)
_DECIDED = _SKIPPED.values(state=int(ItemState.DECIDED), answer=bindparam("said"))


def _new_run(
    connection: Connection,
    reviewer: int,
    answer: DecidedAs,
    items: Sequence[int],
    value: str | None,
) -> int:
    content = repr((answer.value, value, sorted(items)))
    run: int = connection.execute(
        _NEW_RUN,
        {
            "source": reviewer,
            "kind": RunKind.DECISION.value,
            "format": answer.value,
            "content_hash": hashlib.sha256(content.encode()).hexdigest(),
            "started_at": timestamp(),
        },
    ).scalar_one()
    return run


def _note(
    connection: Connection,
    dialect: Dialect,
    run: int,
    reviewer: int,
    items: Sequence[Any],
    answer: DecidedAs,
    value: int | None,
    *,
    blind: bool,
) -> None:
    dialect.insert(
        connection,
        decisions,
        ("run", "item", "reviewer", "answer", "value", "drawn", "blind"),
        [(run, i.id, reviewer, answer.value, value, i.drawn, int(blind)) for i in items],
    )
    skipped = answer == DecidedAs.SKIP
    for chunk in chunks([item.id for item in items]):
        if skipped:
            connection.execute(_SKIPPED, {"items": chunk})
        else:
            connection.execute(_DECIDED, {"items": chunk, "said": answer.value})
    counts = IngestCounts()
    if not skipped:
        heads = sorted({item.head for item in items})
        rows = {
            (item.head, item.property, tail): says
            for item in items
            for tail, says in judged_values(item.tail, item.stated, answer, value)
        }
        union = GraphUnion(connection, dialect)
        known = union.known(heads)
        if answer != DecidedAs.REJECT:
            for key in _replaced(connection, known, items):
                rows.setdefault(key, Judgement.MISSTATED)
        dialect.insert(
            connection,
            judgements,
            ("run", "head", "property", "tail", "says"),
            [(run, *key, int(says)) for key, says in rows.items()],
        )
        dialect.insert(
            connection,
            proposals,
            ("run", "head", "property", "tail", "probability"),
            [
                (run, *key, 1.0)
                for key, says in rows.items()
                if key[1] == CATEGORY and says == Judgement.RIGHT
            ],
        )
        written = union.write(known, known.stated)
        counts.triples_added = written.triples_added
        counts.triples_removed = written.triples_removed
        counts.products_read = counts.products_updated = len(heads)
    done = {name: count for name, count in asdict(counts).items() if count}
    connection.execute(_RUN, {"run": run, "finished_at": timestamp(), **done})


def _replaced(
    connection: Connection, known: KnownSubjects, items: Sequence[Any]
) -> Iterator[tuple[int, int, int]]:
    """(head, property, value): what sources state in the place of a proposal and says nothing."""
    asked = {(item.head, item.property) for item in items if item.stated is None}
    found = {
        (head, *pair)
        for head, by_source in known.stated.items()
        for version in by_source.values()
        for pair in version.pairs
        if (head, pair[0]) in asked
    }
    nothing = saying_nothing(connection, {key[1:] for key in found})
    yield from (key for key in sorted(found) if key[1:] in nothing)


def judged_values(
    proposed: _Value, stated: _Value | None, answer: DecidedAs, value: _Value | None
) -> list[tuple[_Value, Judgement]]:
    """(value, judgement): what an answer says of an item's property; nothing of a skipped one.

    Args:
        proposed, stated: what was asked, by number or text.
        value: of a correction, the right value.
    """
    if answer == DecidedAs.SKIP:
        return []
    accepted = answer == DecidedAs.ACCEPT
    found = [(proposed, Judgement.RIGHT if accepted else Judgement.WRONG)]
    if stated is not None:
        rejected = answer == DecidedAs.REJECT
        found.append((stated, Judgement.RIGHT if rejected else Judgement.MISSTATED))
    if value is not None:
        found.append((value, Judgement.RIGHT))
    return found


_DECIDED_IN = select(decisions.c.item).where(decisions.c.run == bindparam("run"))
_JUDGED_IN = select(judgements.c.head).where(judgements.c.run == bindparam("run")).distinct()
_LEFT = (
    select(decisions.c.answer)
    .join(ingest_runs, ingest_runs.c.id == decisions.c.run)
    .where(
        decisions.c.item == review_items.c.id,
        decisions.c.answer != DecidedAs.SKIP.value,
        ingest_runs.c.undone_at.is_(None),
    )
    .order_by(decisions.c.run.desc())
    .limit(1)
    .correlate(review_items)
    .scalar_subquery()
)
"""The newest answer that holds."""
_OF_THEM = review_items.c.id.in_(bindparam("items"))
_ANSWERED = update(review_items).where(_OF_THEM).values(answer=_LEFT)
_REOPENED = (
    update(review_items)
    .where(
        _OF_THEM,
        review_items.c.answer.is_(None),
        review_items.c.state == int(ItemState.DECIDED),  # a skipped one may be another's by now
    )
    .values(state=int(ItemState.OPEN), held_by=None, held_until=None)
)


def reopen_items(connection: Connection, union: GraphUnion, run: int) -> tuple[int, int, int]:
    """What follows from the undo of a decision: its items wait again, its judgements are void.

    Returns:
        How many products it was about, and the triples added and removed.
    """
    for chunk in chunks(connection.execute(_DECIDED_IN, {"run": run}).scalars()):
        connection.execute(_ANSWERED, {"items": chunk})
        connection.execute(_REOPENED, {"items": chunk})
    heads = sorted(connection.execute(_JUDGED_IN, {"run": run}).scalars())
    added = removed = 0
    for chunk in chunks(heads):
        written = union.refresh(chunk)
        added, removed = added + written.triples_added, removed + written.triples_removed
    return len(heads), added, removed
