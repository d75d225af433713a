"""Products and what is said of them as arrays: N products, P pairs (property, value), T triples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import select

from k3m_kg.graph.reading.bulk import GraphReader, stream
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
    subject_rows = list(
        chain.from_iterable(
            stream(
                connection,
                select(
                    subjects.c.entity,
                    subjects.c.source,
                    category_of(has_proposed_categories(connection)),
                    subjects.c.title.is_not(None),
                )
                .where(subjects.c.kind == _PRODUCT)
                .order_by(subjects.c.entity),
            )
        )
    )
    entities_N = np.fromiter((row[0] for row in subject_rows), np.int32, len(subject_rows))
    head_T, property_T, tail_T = _numbers(
        stream(connection, select(triples.c.head, triples.c.property, triples.c.tail)), 3
    )
    row_T = np.searchsorted(entities_N, head_T).astype(np.int32)
    if len(entities_N):
        row_T[row_T == len(entities_N)] = 0
        mine_T = entities_N[row_T] == head_T  # values have triples, too
    else:
        mine_T = np.zeros(len(row_T), bool)
    row_T, property_T, tail_T = row_T[mine_T], property_T[mine_T], tail_T[mine_T]
    bare_N = np.bincount(row_T, minlength=len(entities_N)) == 0
    (pictured,) = _numbers(
        stream(
            connection,
            select(images.c.product).where(images.c.content_hash.is_not(None)).distinct(),
        ),
        1,
    )
    texts: dict[int, list[str]] = {}
    further = [
        _classes(CATEGORY, [row[2] for row in subject_rows], texts),
        _stating(reader, entities_N, [row[1] for row in subject_rows], texts),
    ]
    row_T = np.concatenate([row_T, *(rows for rows, _, _ in further)])
    property_T = np.concatenate([property_T, *(names for _, names, _ in further)])
    tail_T = np.concatenate([tail_T, *(tails for _, _, tails in further)])
    order = np.lexsort((row_T, tail_T, property_T))
    property_T, tail_T, row_T = property_T[order], tail_T[order], row_T[order]
    new_T = np.ones(len(row_T), bool)
    new_T[1:] = (np.diff(property_T) != 0) | (np.diff(tail_T) != 0)
    starts = np.flatnonzero(new_T)
    return ProductColumns(
        entities_N,
        np.fromiter((row[3] for row in subject_rows), bool, len(subject_rows)),
        np.isin(entities_N, pictured),
        bare_N,
        property_T[starts],
        tail_T[starts],
        np.append(starts, len(row_T)),
        row_T,
        dict(connection.execute(select(properties.c.id, properties.c.name)).all()),
        texts,
    )


_Triples = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows, properties, tails."""


def _classes(property_: int, given: Sequence[str | None], texts: dict[int, list[str]]) -> _Triples:
    """One text of each product as pairs of a property that is none."""
    known: dict[str, int] = {}
    rows, tails = [], []
    for row, text in enumerate(given):
        if text is not None:
            rows.append(row)
            tails.append(known.setdefault(text, len(known)))
    texts[property_] = list(known)
    return (
        np.array(rows, np.int32),
        np.full(len(rows), property_, np.int32),
        np.array(tails, np.int32),
    )


def _stating(
    reader: GraphReader, entities_N: np.ndarray, source: Sequence[int], texts: dict[int, list[str]]
) -> _Triples:
    """The sources of each product."""
    connection = reader.connection
    names = connection.execute(select(sources.c.id, sources.c.name)).all()
    texts[SOURCE] = [""] * (max((id_ for id_, _ in names), default=0) + 1)
    shown = [shown_source(name) for _, name in names]
    for (id_, _), name in zip(names, shown, strict=True):
        texts[SOURCE][id_] = name if shown.count(name) == 1 else f"{name} ({id_})"
    source_N = np.array(source, np.int32)
    alone = np.flatnonzero(source_N != SEVERAL)
    entity_S, source_S = _numbers(
        stream(
            connection,
            select(statements.c.entity, statements.c.source).where(statements.c.kind == _PRODUCT),
        ),
        2,
    )
    rows = np.concatenate([alone, np.searchsorted(entities_N, entity_S)]).astype(np.int32)
    tails = np.concatenate([source_N[alone], source_S])
    return rows, np.full(len(rows), SOURCE, np.int32), tails.astype(np.int32)


def _numbers(batches: Iterable[Sequence[Any]], width: int) -> list[np.ndarray]:
    """Rows of small whole numbers as columns."""
    parts = [
        np.fromiter(chain.from_iterable(rows), np.int32, width * len(rows)).reshape(-1, width)
        for rows in batches
    ]
    table = np.concatenate(parts) if parts else np.empty((0, width), np.int32)
    return [np.ascontiguousarray(table[:, column]) for column in range(width)]
