"""The queue: items go in once, and are lent to one reviewer at a time.

All functions work within the writer's transaction, so two reviewers never take the same item. What
`now` is, the caller says: seconds since 1970.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Integer, Select, bindparam, exists, func, or_, select, update

from k3m_kg.errors import GraphError
from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.history.journal import Version, chunks, stored_subjects
from k3m_kg.graph.reviewing.items import CATEGORY_NAME, DecidedAs, ReviewOffer, ReviewOrder
from k3m_kg.graph.reviewing.unsaid import saying_nothing
from k3m_kg.graph.tables import (
    CATEGORY,
    EntityKind,
    ItemKind,
    ItemState,
    Judgement,
    decisions,
    ingest_runs,
    properties,
    review_items,
)
from k3m_kg.graph.writing.term_ids import TermDictionary
from k3m_kg.graph.writing.union import GraphUnion, judged_triples

_BATCH = 2000
_COLUMNS = (
    "kind",
    "head",
    "property",
    "tail",
    "stated",
    "probability",
    "uncertainty",
    "worth",
    "promised",
    "lot",
    "model",
    "details",
    "state",
    "drawn",
)
_RENEWED = ("tail", "probability", "uncertainty", "worth", "promised", "model", "details")


@dataclass(slots=True)
class QueuedItems:
    """What became of offers.

    Attributes:
        added: new in the queue.
        renewed: the question was in it, and is asked with what the model says now.
        decided: people have answered the question, or rejected this value.
        stated: a source states the property; of a finding: none states the doubted value any more.
        unsaid: of those that are asked, the source states a value there that says nothing.
        written: of those that are asked, a run of a model has put the value into the graph.
    """

    added: int = 0
    renewed: int = 0
    decided: int = 0
    stated: int = 0
    unsaid: int = 0
    written: int = 0


def add_items(
    connection: Connection, dialect: Dialect, model: int, offered: Iterable[ReviewOffer], now: float
) -> QueuedItems:
    """Put offers into the queue, each question once.

    Raises:
        GraphError: a product is not in the graph, a text is empty, a probability is none.
    """
    counts = QueuedItems()
    union = GraphUnion(connection, dialect)
    terms = TermDictionary(connection, dialect)
    for batch in _batches(offered):
        for offer in batch:
            offer.check()
        heads = dialect.find_terms(
            connection, int(EntityKind.PRODUCT), {offer.product for offer in batch}
        )
        there = stored_subjects(connection, heads.values())
        names = terms.property_ids([o.property for o in batch if o.property is not None])
        texts = [text for o in batch for text in (o.value, o.stated) if text is not None]
        values = dict(terms.ids(EntityKind.VALUE, texts))
        known = union.known(there)
        judged = judged_triples(connection, there, categories=True)
        queued = _queued(connection, there)
        rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        asked = {names[o.property] for o in batch if o.property is not None and o.stated is None}
        nothing = saying_nothing(
            connection,
            (
                pair
                for by_source in known.stated.values()
                for version in by_source.values()
                for pair in version.pairs
                if pair[0] in asked
            ),
        )
        for offer in batch:
            head = heads.get(offer.product)
            if head not in there:
                raise GraphError(
                    f"there is no product {offer.product!r} in this graph",
                    hint="review what is proposed for products of the graph",
                )
            assert head is not None
            property_ = CATEGORY if offer.property is None else names[offer.property]
            tail = values[offer.value]
            doubted = None if offer.stated is None else values[offer.stated]
            said = judged.get(head, {})
            stated = {pair for v in known.stated[head].values() for pair in v.pairs}
            said_for_real = stated if doubted is not None else stated - nothing
            if _is_decided(said, property_, tail, doubted):
                counts.decided += 1
            elif _is_settled(known.shown[head], said_for_real, property_, doubted):
                counts.stated += 1
            else:
                if doubted is None:
                    counts.unsaid += any(name == property_ for name, _ in stated)
                    counts.written += (property_, tail) in known.shown[head].pairs
                key = (offer.kind().value, head, property_, doubted)
                row = _row(offer, head, property_, tail, doubted, model)
                before = queued.get(key)
                if before is None:
                    counts.added += key not in rows
                    rows[key] = row
                elif before.held_until is None or before.held_until <= now:
                    fresh = dict(zip(_COLUMNS, row, strict=True))
                    if (before.tail, before.model) == (tail, model):
                        fresh["details"] = _with_what_was_known(before.details, fresh["details"])
                    connection.execute(
                        update(review_items)
                        .where(review_items.c.id == before.id)
                        .values({name: fresh[name] for name in _RENEWED})
                    )
                    counts.renewed += 1
        terms.flush()
        dialect.settle()
        dialect.insert(connection, review_items, _COLUMNS, list(rows.values()))
    terms.finish()
    return counts


def _batches(offered: Iterable[ReviewOffer]) -> Iterator[list[ReviewOffer]]:
    stream = iter(offered)
    while batch := list(islice(stream, _BATCH)):
        yield batch


def _is_decided(said: Any, property_: int, tail: int, doubted: int | None) -> bool:
    """Whether people have answered the question, or said of this value that it is wrong."""
    if doubted is not None:
        return (property_, doubted) in said or (property_, tail) in said
    return (property_, tail) in said or any(
        name == property_ and says == Judgement.RIGHT for (name, _), (says, _) in said.items()
    )


def _is_settled(
    shown: Version, stated: set[tuple[int, int]], property_: int, doubted: int | None
) -> bool:
    """Whether sources state an answer; of a finding: no more what is doubted."""
    if doubted is not None:
        return (property_, doubted) not in stated
    if property_ == CATEGORY:
        return shown.subject.category is not None
    return any(name == property_ for name, _ in stated)


def _queued(connection: Connection, heads: Iterable[int]) -> dict[tuple[Any, ...], Any]:
    """The open items of some products, by kind, product, property and doubted value."""
    of = review_items.c
    found: dict[tuple[Any, ...], Any] = {}
    for chunk in chunks(heads):
        for row in connection.execute(
            select(
                *(of.id, of.kind, of.head, of.property, of.stated, of.held_until),
                *(of.tail, of.model, of.details),
            ).where(of.head.in_(chunk), of.state == int(ItemState.OPEN))
        ):
            found[row.kind, row.head, row.property, row.stated] = row
    return found


def _row(
    offer: ReviewOffer, head: int, property_: int, tail: int, doubted: int | None, model: int
) -> tuple[Any, ...]:
    share = offer.probability
    return (
        offer.kind().value,
        head,
        property_,
        tail,
        doubted,
        share,
        0.5 - abs(share - 0.5),
        share * (1 - share) if offer.worth is None else offer.worth,
        offer.promised,
        _lot(offer),
        model,
        json.dumps(dict(offer.details), ensure_ascii=False),
        int(ItemState.OPEN),
        0,
    )


def _with_what_was_known(before: str, fresh: str) -> str:
    """What the same model says of the same value, with what it said more of it before: reasons."""
    return json.dumps(json.loads(before) | json.loads(fresh), ensure_ascii=False)


def _lot(offer: ReviewOffer) -> int:
    """31 bits that nobody can choose and everybody gets again."""
    text = "\0".join([offer.product, offer.property or "", offer.stated or "", offer.value])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest()) >> 1


def take_items(
    connection: Connection,
    reviewer: int,
    count: int,
    *,
    now: float,
    until: float,
    by_lot: Callable[[], bool],
    order: ReviewOrder = ReviewOrder.UNCERTAINTY,
    property_: int | None = None,
    kind: ItemKind | None = None,
    having: Collection[int] = (),
    again: bool = False,
) -> list[int]:
    """Lend a reviewer so many items that nobody else has; first those that he has already.

    Args:
        until: when they are free for others again.
        by_lot: asked before each item: whether it comes from the random stream.
        property_, kind: only such.
        having: items that he has before him and needs no more.
        again: instead items that another one has decided, for a second opinion.

    Returns:
        Their numbers.
    """
    asked = again, property_ is not None, kind is not None
    if again:
        order = ReviewOrder.RANDOM
    given = {"reviewer": reviewer, "now": now, "property": property_, "kind": kind and kind.value}
    # By themselves: in an order of all that wait, all would be looked at to find them.
    held = set(connection.execute(_HELD, given).scalars()) - set(having)
    found: list[int] = []
    if held:
        more = {"held": sorted(held), "having": list(having), "count": count}
        found += connection.execute(_his(order, *asked), given | more).scalars()
    while len(found) < count:
        drawn = order == ReviewOrder.RANDOM or by_lot()
        first = ReviewOrder.RANDOM if drawn else order
        item = _first_free(connection, first, asked, given | {"having": [*having, *found]})
        if item is None:
            break
        lent = {"held_by": reviewer, "held_until": until, "drawn": int(drawn)}
        connection.execute(_ITEM, {"item": item, **lent})
        found.append(item)
    return found


def _first_free(
    connection: Connection,
    order: ReviewOrder,
    asked: tuple[bool, bool, bool],
    given: dict[str, Any],
) -> int | None:
    again, by_property, by_kind = asked
    if order != ReviewOrder.PROPERTY or by_property:
        first: int | None = connection.execute(_free(order, *asked), given).scalar_one_or_none()
        return first
    # An index has the items of one property in order, not those of all.
    query = _free(order, again, True, by_kind)
    last = CATEGORY - 1
    while (last := connection.execute(_NEXT_PROPERTY, {"last": last}).scalar_one()) is not None:
        item: int | None = connection.execute(query, given | {"property": last}).scalar()
        if item is not None:
            return item
    return None


_NEXT_PROPERTY = select(func.min(review_items.c.property)).where(
    review_items.c.property > bindparam("last")
)
_LEAST_SURE = (review_items.c.uncertainty.desc(), review_items.c.id.desc())
_PLACES = {
    ReviewOrder.UNCERTAINTY: _LEAST_SURE,
    ReviewOrder.PROPERTY: (review_items.c.property, *_LEAST_SURE),
    ReviewOrder.WORTH: (review_items.c.worth.desc(), review_items.c.id.desc()),
    ReviewOrder.RANDOM: (review_items.c.lot, review_items.c.id),
}
_HELD = select(review_items.c.id).where(
    review_items.c.held_by == bindparam("reviewer"), review_items.c.held_until > bindparam("now")
)
_ITEM = update(review_items).where(review_items.c.id == bindparam("item"))
_HOLDING = exists().where(ingest_runs.c.id == decisions.c.run, ingest_runs.c.undone_at.is_(None))
_ANSWERED_BY_HIM = (
    exists()
    .where(
        decisions.c.item == review_items.c.id,
        # The sum keeps databases from going through all that he decided, for each item.
        decisions.c.reviewer + 0 == bindparam("reviewer"),
        _HOLDING.correlate(decisions),
    )
    .correlate(review_items)
)
_ANSWERS = (
    select(func.count())
    .select_from(decisions)
    .where(
        decisions.c.item == review_items.c.id,
        decisions.c.answer != DecidedAs.SKIP.value,
        _HOLDING.correlate(decisions),
    )
    .correlate(review_items)
    .scalar_subquery()
)
"""How many decisions about an item hold, skipped ones left out."""


def _asked(order: ReviewOrder, again: bool, by_property: bool, by_kind: bool) -> Select[Any]:
    """In an order, the items that a reviewer may be given and has not before him."""
    of = review_items.c
    state = ItemState.DECIDED if again else ItemState.OPEN
    query = (
        select(of.id)
        .where(of.state == int(state), ~_ANSWERED_BY_HIM, of.id.not_in(bindparam("having")))
        .order_by(*_PLACES[order])
    )
    if again:
        query = query.where(_ANSWERS == 1)
    if by_property:
        query = query.where(of.property == bindparam("property"))
    if by_kind:
        query = query.where(of.kind == bindparam("kind"))
    return query


@cache
def _his(*asked: Any) -> Select[Any]:
    """Of the items `held`, `count` of those that are asked for."""
    return (
        _asked(*asked)
        .where(review_items.c.id.in_(bindparam("held")))
        .limit(bindparam("count", type_=Integer))
    )


@cache
def _free(*asked: Any) -> Select[Any]:
    """The first of those that are asked for and that nobody has."""
    until = review_items.c.held_until
    return _asked(*asked).where(or_(until.is_(None), until <= bindparam("now"))).limit(1)


def release_items(connection: Connection, reviewer: int, items: Sequence[int]) -> None:
    """Give back what a reviewer has, so that others may take it at once."""
    connection.execute(
        update(review_items)
        .where(review_items.c.held_by == reviewer, review_items.c.id.in_(list(items)))
        .values(held_by=None, held_until=None)
    )


def hold_items(
    connection: Connection, reviewer: int, items: Sequence[int], *, now: float, until: float
) -> tuple[int, ...]:
    """Lend a reviewer what he has just taken back, less what another one has by now.

    Returns:
        The numbers of what is his.
    """
    of = review_items.c
    free = or_(of.held_until.is_(None), of.held_until <= now, of.held_by == reviewer)
    lent = (
        update(review_items)
        .where(of.id.in_(list(items)), of.state == int(ItemState.OPEN), free)
        .values(held_by=reviewer, held_until=until)
        .returning(of.id)
    )
    return tuple(sorted(connection.execute(lent).scalars()))


def property_number(connection: Connection, name: str) -> int | None:
    """The number of a property in the queue; None where there is none of that name."""
    if name == CATEGORY_NAME and (
        connection.execute(
            select(review_items.c.id).where(review_items.c.property == CATEGORY).limit(1)
        ).first()
        is not None
    ):
        return CATEGORY
    return connection.execute(
        select(properties.c.id).where(properties.c.name == name)
    ).scalar_one_or_none()
