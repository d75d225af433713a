"""From the tables to subjects: a product, or a value, with everything that is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from k3m_kg.graph.reading.bulk import Batches, GraphReader
from k3m_kg.graph.tables import EntityKind


@dataclass(slots=True)
class Subject:
    """A product or a value with everything that is said of it.

    Attributes:
        entity: its number in the graph.
        kind: an `EntityKind`.
        text: the product's id or the value.
        pictures: rows (source as written, path, content hash, width, height, error, entity), in
            the order of the catalog.
        triples: rows (property, kind of the tail, text of the tail, entity), in that order too.
    """

    entity: int
    kind: int
    text: str
    title: str | None = None
    category: str | None = None
    pictures: Sequence[Any] = ()
    triples: Sequence[Any] = ()

    @property
    def is_product(self) -> bool:
        """A product, else a value."""
        return self.kind == EntityKind.PRODUCT

    @property
    def images(self) -> list[str]:
        """The pictures as written in the catalog, in order."""
        return [row[0] for row in self.pictures]


def iter_subjects(graph: GraphReader, only: Sequence[int] | None = None) -> Iterator[Subject]:
    """Every product and value that sources state something of, in the order of their numbers.

    Memory is bounded, whatever the size of the graph.

    Args:
        only: the numbers of a few; the others are left out.
    """
    knowledge = _Groups(graph.knowledge(only))
    pictures = _Groups(graph.pictures(only))
    for entity, kind, text, title, category in chain.from_iterable(graph.subjects(only)):
        yield Subject(
            entity, kind, text, title, category, pictures.at(entity), knowledge.at(entity)
        )


class _Groups:
    """Rows grouped by their last column, which ascends; each group is taken once, in order."""

    def __init__(self, batches: Batches) -> None:
        self._groups: Iterator[tuple[int | None, Iterator[Any]]] = groupby(
            chain.from_iterable(batches), itemgetter(-1)
        )
        self._advance()

    def _advance(self) -> None:
        self._key, rows = next(self._groups, (None, iter(())))
        self._rows = list(rows)

    def at(self, key: int) -> Sequence[Any]:
        """The rows of `key`."""
        if self._key != key:
            return ()
        rows = self._rows
        self._advance()
        return rows
