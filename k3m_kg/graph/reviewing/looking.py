"""Reading the queue and what was decided: within a transaction of reading, or the writer's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.orm import aliased

from k3m_kg.graph.history.journal import chunks
from k3m_kg.graph.reviewing.deciding import REVIEWER
from k3m_kg.graph.reviewing.items import (
    CATEGORY_NAME,
    AskedShare,
    DecidedAs,
    DecidedItem,
    Decision,
    QueueCount,
    ReviewItem,
    weights_of,
)
from k3m_kg.graph.tables import (
    CATEGORY,
    ItemKind,
    ItemState,
    Judgement,
    RunKind,
    decisions,
    entities,
    ingest_runs,
    judgements,
    properties,
    review_items,
    sources,
    triples,
)

_MODEL = f"{RunKind.PROPOSAL}:"


def _item_columns() -> tuple[list[Any], Any]:
    """What an item is made of, and from where."""
    of = review_items.c
    head, tail, stated = (aliased(entities, name=name) for name in ("head", "tail", "doubted"))
    model = aliased(sources, name="model")
    columns = [
        of.id,
        of.kind,
        head.c.text.label("product"),
        properties.c.name.label("property_name"),
        tail.c.text.label("value_text"),
        stated.c.text.label("stated_text"),
        of.probability,
        of.details,
        model.c.name.label("model_name"),
        of.state,
        of.drawn,
        of.promised,
    ]
    joined = (
        review_items.join(head, head.c.id == of.head)
        .join(tail, tail.c.id == of.tail)
        .join(model, model.c.id == of.model)
        .join(stated, stated.c.id == of.stated, isouter=True)
        .join(properties, properties.c.id == of.property, isouter=True)
    )
    return columns, joined


_COLUMNS, _JOINED = _item_columns()
_ITEMS = select(*_COLUMNS).select_from(_JOINED).where(review_items.c.id.in_(bindparam("items")))


def _item(row: Any) -> ReviewItem:
    return ReviewItem(
        row.id,
        ItemKind(row.kind),
        row.product,
        row.property_name or CATEGORY_NAME,
        row.value_text,
        row.stated_text,
        row.probability,
        json.loads(row.details),
        row.model_name.removeprefix(_MODEL),
        row.property_name is None,
        row.state == ItemState.DECIDED,
        bool(row.drawn),
        row.promised,
    )


def items_of(connection: Connection, wanted: Sequence[int]) -> list[ReviewItem]:
    """The items of these numbers, in this order, less those that there are not."""
    found: dict[int, ReviewItem] = {}
    for chunk in chunks(wanted):
        rows = connection.execute(_ITEMS, {"items": chunk})
        found.update((row.id, _item(row)) for row in rows)
    return [found[id_] for id_ in wanted if id_ in found]


def equal_items(
    connection: Connection, item: int, reviewer: int | None, now: float, limit: int
) -> list[ReviewItem]:
    """Open items that ask the same of other products, the given one first if it is open.

    The same kind, property, value and doubted value; not those that another reviewer has.
    """
    of = review_items.c
    row = connection.execute(select(review_items).where(of.id == item)).one_or_none()
    if row is None:
        return []
    free = of.held_until.is_(None) | (of.held_until <= now)
    if reviewer is not None:
        free = free | (of.held_by == reviewer)
    query = (
        select(of.id)
        .where(
            of.property == row.property,
            of.tail == row.tail,
            of.state == int(ItemState.OPEN),
            of.kind == row.kind,
            of.stated.is_(None) if row.stated is None else of.stated == row.stated,
            free,
        )
        .order_by(case((of.id == item, 0), else_=1), of.probability.desc(), of.id)
        .limit(limit)
    )
    return items_of(connection, list(connection.execute(query).scalars()))


def queue_counts(connection: Connection) -> list[QueueCount]:
    """How far the review is, by kind and property."""
    of = review_items.c
    counts: dict[tuple[str, str], Counter[str | None]] = {}
    # By number, all of it in an index; the few rows that are left get their names.
    numbers = (
        select(of.kind, of.property, of.answer, func.count().label("items"))
        .group_by(of.property, of.kind, of.answer)  # as the index has them
        .subquery()
    )
    query = select(numbers, properties.c.name).join(
        properties, properties.c.id == numbers.c.property, isouter=True
    )
    for row in connection.execute(query):
        # A property may have the name that the category goes by.
        counts.setdefault((row.kind, row.name or CATEGORY_NAME), Counter())[row.answer] += row.items
    return [
        QueueCount(
            ItemKind(kind),
            name,
            found[None],
            found[DecidedAs.ACCEPT],
            found[DecidedAs.REJECT],
            found[DecidedAs.CORRECT],
        )
        for (kind, name), found in sorted(counts.items())
    ]


def asked_shares(
    connection: Connection, model: str | None = None, *, promised: bool = False
) -> Iterator[AskedShare]:
    """Every proposal of the queue, decided or not, of one model or of all.

    An artifact that was moved or copied is the same model: it has the same weights.

    With `promised` only those that a precision was promised for.
    """
    of = review_items.c
    query = (
        select(properties.c.name, of.probability, of.promised, of.answer)
        .join(properties, properties.c.id == of.property, isouter=True)
        .where(of.kind == ItemKind.PROPOSAL.value)
    )
    if promised:
        query = query.where(of.promised.is_not(None))
    if model is not None:
        query = query.join(sources, sources.c.id == of.model).where(
            (sources.c.name == f"{_MODEL}{model}")
            | sources.c.name.startswith(_MODEL, autoescape=True)
            & sources.c.name.endswith(f"@{weights_of(model)}", autoescape=True)
        )
    for name, probability, wanted, answer in connection.execute(query):
        right = None if answer is None else answer == DecidedAs.ACCEPT.value
        yield AskedShare(name or CATEGORY_NAME, probability, wanted, right)


def decided_items(
    connection: Connection, *, reviewer: int | None = None, limit: int | None = None
) -> list[DecidedItem]:
    """Every decision that holds, newest first; of one reviewer, or of all."""
    of = decisions.c
    corrected = aliased(entities, name="corrected")
    by = aliased(sources, name="reviewer")
    query = (
        select(
            *_COLUMNS,
            of.run,
            of.answer,
            of.drawn.label("came_by_lot"),
            of.blind,
            corrected.c.text.label("corrected_text"),
            by.c.name.label("reviewer_name"),
            ingest_runs.c.finished_at,
        )
        .select_from(
            _JOINED.join(decisions, of.item == review_items.c.id)
            .join(ingest_runs, ingest_runs.c.id == of.run)
            .join(by, by.c.id == of.reviewer)
            .join(corrected, corrected.c.id == of.value, isouter=True)
        )
        .where(ingest_runs.c.undone_at.is_(None))
        .order_by(of.run.desc(), of.item)
        .limit(limit)
    )
    if reviewer is not None:
        query = query.where(of.reviewer == reviewer)
    return [
        DecidedItem(
            _item(row),
            Decision(
                row.run,
                row.id,
                row.reviewer_name.removeprefix(REVIEWER),
                DecidedAs(row.answer),
                row.corrected_text,
                bool(row.came_by_lot),
                bool(row.blind),
                row.finished_at,
            ),
        )
        for row in connection.execute(query)
    ]


def judgements_that_hold(
    connection: Connection,
) -> Iterator[tuple[str, str | None, str, Judgement]]:
    """(product, property, value, what people say of it), the newest of each triple.

    The property is None for a category. By product in byte order.
    """
    of = judgements.c
    head, tail = (aliased(entities, name=name) for name in ("head", "tail"))
    newest = (
        select(of.head, of.property, of.tail, func.max(of.run).label("run"))
        .join(ingest_runs, ingest_runs.c.id == of.run)
        .where(ingest_runs.c.undone_at.is_(None))
        .group_by(of.head, of.property, of.tail)
        .subquery()
    )
    query = (
        select(head.c.text, properties.c.name, tail.c.text, of.says)
        .select_from(newest)
        .join(
            judgements,
            (of.run == newest.c.run)
            & (of.head == newest.c.head)
            & (of.property == newest.c.property)
            & (of.tail == newest.c.tail),
        )
        .join(head, head.c.id == of.head)
        .join(tail, tail.c.id == of.tail)
        .join(properties, properties.c.id == of.property, isouter=True)
        .order_by(head.c.text, properties.c.name, tail.c.text)
    )
    for product, property_, value, says in connection.execute(query):
        yield product, property_, value, Judgement(says)


def values_like(
    connection: Connection, property_: int, text: str, limit: int
) -> list[tuple[str, int]]:
    """Values that a property takes and that hold a text, the most frequent first, with counts.

    Letter case does not matter within ASCII; those that begin with the text come first.
    """
    if property_ == CATEGORY:
        return []
    like = text.translate(_LIKE)
    begins = entities.c.text.ilike(f"{like}%", escape="\\")
    query = (
        select(entities.c.text, func.count().label("products"))
        .select_from(triples)
        .join(entities, entities.c.id == triples.c.tail)
        .where(triples.c.property == property_)
        .group_by(entities.c.text)
        .order_by(case((begins, 0), else_=1), func.count().desc(), entities.c.text)
        .limit(limit)
    )
    if text:
        query = query.where(entities.c.text.ilike(f"%{like}%", escape="\\"))
    return [(value, count) for value, count in connection.execute(query)]


_LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


def agreement(connection: Connection) -> tuple[int, int]:
    """Items that two reviewers decided, and of how many both said the same.

    The oldest two decisions of each item that hold and are by different people.
    """
    of = decisions.c
    several = select(of.item).group_by(of.item).having(func.count() > 1)  # in an index
    rows = connection.execute(
        select(of.item, of.reviewer, of.answer, of.value)
        .join(ingest_runs, ingest_runs.c.id == of.run)
        .where(
            of.item.in_(several),
            ingest_runs.c.undone_at.is_(None),
            of.answer != DecidedAs.SKIP.value,
        )
        .order_by(of.item, of.run)
    )
    said: dict[int, dict[int, tuple[str, int | None]]] = {}
    for item, reviewer, answer, value in rows:
        said.setdefault(item, {}).setdefault(reviewer, (answer, value))
    pairs = [list(by.values())[:2] for by in said.values() if len(by) > 1]
    return len(pairs), sum(one == other for one, other in pairs)
