"""Products and what is said of them as arrays: N products, P pairs (property, value), T triples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, Text, bindparam, cast, func, select

from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.reading.categories import category_of, has_proposed_categories
from k3m_kg.graph.tables import (
    SEVERAL,
    EntityKind,
    images,
    properties,
    sources,
    statements,
    subjects,
    triples,
)
from k3m_kg.serve.shown import shown_source

CATEGORY, SOURCE = -1, -2
"""In place of a property's number: the category, the sources that state the product."""
_PRODUCT = int(EntityKind.PRODUCT)


@dataclass(frozen=True, slots=True)
class ProductColumns:
    """The catalog.

    Attributes:
        entities_N: the products' numbers in the graph, ascending.
        titled_N, pictured_N, bare_N: bool: has a title, a usable picture, no triple.
        property_P, tail_P: the pairs, by property and then value. The value is an entity of the
            graph; of `CATEGORY` and `SOURCE` a place in `texts`.
        start_P1: where each pair's products begin in `row_T`.
        row_T: places in `entities_N`, ascending within a pair.
        names: of properties, by their number.
        texts: of categories and sources, by `CATEGORY` and `SOURCE`.
    """

    entities_N: np.ndarray
    titled_N: np.ndarray
    pictured_N: np.ndarray
    bare_N: np.ndarray
    property_P: np.ndarray
    tail_P: np.ndarray
    start_P1: np.ndarray
    row_T: np.ndarray
    names: dict[int, str]
    texts: dict[int, list[str]]

    def __len__(self) -> int:
        return len(self.entities_N)

    def pairs_of(self, property_: int) -> slice:
        """The places of a property's pairs."""
        first, last = np.searchsorted(self.property_P, [property_, property_ + 1])
        return slice(int(first), int(last))

    def pair(self, property_: int, tail: int) -> int | None:
        """The place of a pair; None where no product has it."""
        some = self.pairs_of(property_)
        place = some.start + int(np.searchsorted(self.tail_P[some], tail))
        return place if place < some.stop and self.tail_P[place] == tail else None

    def rows_of(self, pair: int) -> np.ndarray:
        """The products that have a pair."""
        return self.row_T[self.start_P1[pair] : self.start_P1[pair + 1]]

    def rows_of_property(self, property_: int) -> np.ndarray:
        """The products that have a property, those with several values as often."""
        some = self.pairs_of(property_)
        return self.row_T[self.start_P1[some.start] : self.start_P1[some.stop]]

    def pairs_with(self, row: int) -> np.ndarray:
        """The pairs of real properties that a product has: one look at every triple."""
        first = int(np.searchsorted(self.property_P, 0))
        begin = self.start_P1[first] if first < len(self.start_P1) else 0
        places = begin + np.flatnonzero(self.row_T[begin:] == row)
        return np.searchsorted(self.start_P1, places, "right") - 1

    def counts(self, some: slice, among_N: np.ndarray | None = None) -> np.ndarray:
        """How many products have each of some adjoining pairs, all or those that are `among`."""
        if some.start == some.stop:
            return np.empty(0, np.int64)
        if among_N is None:
            return np.diff(self.start_P1[some.start : some.stop + 1])
        first, last = self.start_P1[some.start], self.start_P1[some.stop]
        # As numbers, and by `take`: half the time of booleans by index.
        inside = among_N.take(self.row_T[first:last]).view(np.uint8)
        found: np.ndarray = np.add.reduceat(inside, self.start_P1[some] - first, dtype=np.int64)
        return found


def read_columns(reader: GraphReader) -> ProductColumns:
    """All products of a graph."""
    connection = reader.connection
    first, last = connection.execute(_ENDS).one()
    blocks = [] if last is None else [*range(first, last + 1, _BLOCK)]
    kinds = _kinds_of_products(connection, blocks)
    entities_N = np.sort(_joined([entity_K for _, _, _, entity_K in kinds]))
    head_T, property_T, tail_T = _in_blocks(connection, _TRIPLES, blocks)
    row_T = np.searchsorted(entities_N, head_T).astype(np.int32)
    if len(entities_N):
        row_T[row_T == len(entities_N)] = 0
        mine_T = entities_N[row_T] == head_T  # values have triples, too
    else:
        mine_T = np.zeros(len(row_T), bool)
    row_T, property_T, tail_T = row_T[mine_T], property_T[mine_T], tail_T[mine_T]
    bare_N = np.bincount(row_T, minlength=len(entities_N)) == 0
    (pictured,) = _in_blocks(connection, _PICTURED, blocks)
    titled = _joined([entity_K for _, _, titled, entity_K in kinds if titled])
    several_S, source_S = _in_blocks(connection, _STATED, blocks)
    sources_of = [(source, entity_K) for source, _, _, entity_K in kinds if source != SEVERAL]
    sources_of += [(id_, several_S[source_S == id_]) for id_ in np.unique(source_S).tolist()]
    categories: dict[str, list[np.ndarray]] = {}
    for _, category, _, entity_K in kinds:
        if category is not None:
            categories.setdefault(category, []).append(entity_K)
    in_category = {text: _joined(parts) for text, parts in categories.items()}
    in_order = sorted(in_category, key=lambda text: in_category[text].min())
    texts = {CATEGORY: in_order, SOURCE: _source_names(connection)}
    for property_, tails in (
        (CATEGORY, [(number, in_category[text]) for number, text in enumerate(in_order)]),
        (SOURCE, sources_of),
    ):
        more_T = np.searchsorted(entities_N, _joined([entity_K for _, entity_K in tails]))
        row_T = np.concatenate([row_T, more_T.astype(np.int32)])
        property_T = np.concatenate([property_T, np.full(len(more_T), property_, np.int32)])
        tail_T = np.concatenate(
            [tail_T, *(np.full(len(entity_K), tail, np.int32) for tail, entity_K in tails)]
        )
    order = np.lexsort((row_T, tail_T, property_T))
    property_T, tail_T, row_T = property_T[order], tail_T[order], row_T[order]
    new_T = np.ones(len(row_T), bool)
    new_T[1:] = (np.diff(property_T) != 0) | (np.diff(tail_T) != 0)
    starts = np.flatnonzero(new_T)
    return ProductColumns(
        entities_N,
        np.isin(entities_N, titled),
        np.isin(entities_N, pictured),
        bare_N,
        property_T[starts],
        tail_T[starts],
        np.append(starts, len(row_T)),
        row_T,
        dict(connection.execute(select(properties.c.id, properties.c.name)).all()),
        texts,
    )


# A block of entities comes as a text of numbers: a row of each triple would keep the interpreter
# for itself, and other requests waiting, for three times as long as the database needs for it.
_BLOCK = 1000
_ENDS = select(func.min(subjects.c.entity), func.max(subjects.c.entity)).where(
    subjects.c.kind == _PRODUCT
)


def _listed(column: Any) -> Any:
    return func.aggregate_strings(cast(column, Text), ",")


def _block(entity: Any) -> Any:
    return entity.between(bindparam("first"), bindparam("last"))


_TRIPLES = select(
    _listed(triples.c.head), _listed(triples.c.property), _listed(triples.c.tail)
).where(_block(triples.c.head))
_PICTURED = select(_listed(images.c.product)).where(
    _block(images.c.product), images.c.content_hash.is_not(None)
)
_STATED = select(_listed(statements.c.entity), _listed(statements.c.source)).where(
    _block(statements.c.entity), statements.c.kind == _PRODUCT
)


def _in_blocks(
    connection: Connection, query: Select[Any], blocks: Sequence[int]
) -> list[np.ndarray]:
    """The columns of a query that lists numbers, over all blocks."""
    parts: list[list[np.ndarray]] = [[] for _ in query.selected_columns]
    for first in blocks:
        listed = connection.execute(query, {"first": first, "last": first + _BLOCK - 1}).one()
        for part, text in zip(parts, listed, strict=True):
            part.append(_numbers(text))
    return [_joined(part) for part in parts]


def _kinds_of_products(
    connection: Connection, blocks: Sequence[int]
) -> list[tuple[int, str | None, bool, np.ndarray]]:
    """(source, category, whether there is a title, entities): products that are equal in these."""
    one = (
        select(
            subjects.c.entity,
            subjects.c.source,
            category_of(has_proposed_categories(connection)).label("category"),
            subjects.c.title.is_not(None).label("titled"),
        )
        .where(_block(subjects.c.entity), subjects.c.kind == _PRODUCT)
        .subquery()
    )
    kind = one.c.source, one.c.category, one.c.titled
    query = select(*kind, _listed(one.c.entity)).group_by(*kind)
    parts: dict[Any, list[np.ndarray]] = {}
    for first in blocks:
        given = {"first": first, "last": first + _BLOCK - 1}
        for *same, listed in connection.execute(query, given):
            parts.setdefault(tuple(same), []).append(_numbers(listed))
    return [(*same, _joined(some)) for same, some in parts.items()]


def _numbers(listed: str | None) -> np.ndarray:
    return np.fromstring(listed or "", np.int32, sep=",")


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int32), *parts])


def _source_names(connection: Connection) -> list[str]:
    """What sources are called, by their number."""
    rows = connection.execute(select(sources.c.id, sources.c.name)).all()
    shown = {id_: shown_source(name) for id_, name in rows}
    often = Counter(shown.values())
    return [
        "" if (name := shown.get(id_)) is None else name if often[name] == 1 else f"{name} ({id_})"
        for id_ in range(max(shown, default=0) + 1)
    ]
