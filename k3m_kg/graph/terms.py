"""The term dictionary while writing: text to id, with new ids given by the one writer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, func, select

from k3m_kg.graph.dialect import Dialect
from k3m_kg.graph.tables import EntityKind, entities, properties

Pairs = Sequence[tuple[str, str]]
"""(property, value) texts of one product."""
CACHE_LIMIT = 1_000_000
"""Values kept in memory (about 150 MB of short ones); beyond it they are looked up again."""


class TermDictionary:
    """Ids for properties, values and products within one write transaction.

    New terms get their ids here and reach the database with `flush`; only the holder of the
    write lock may use it.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self._next_entity = self._first_free(entities)
        self._next_property = self._first_free(properties)
        self._properties = dict(
            connection.execute(select(properties.c.name, properties.c.id)).all()
        )
        self._values: dict[str, int] = {}
        self._all_values_cached = self._next_entity == 0
        self._new_entities: list[tuple[int, int, str]] = []
        self._new_properties: list[tuple[int, str]] = []

    def _first_free(self, table: Table) -> int:
        highest = self._connection.execute(select(func.max(table.c.id))).scalar_one()
        return 0 if highest is None else highest + 1

    def find(self, kind: EntityKind, texts: Sequence[str]) -> dict[str, int]:
        """The ids of those texts that the dictionary has; `flush` must have been called."""
        return self._dialect.find_terms(self._connection, kind, texts)

    def add(self, kind: EntityKind, text: str) -> int:
        """A new entity, which the caller knows not to exist yet."""
        entity = self._next_entity
        self._next_entity += 1
        self._new_entities.append((entity, int(kind), text))
        return entity

    def encode(self, knowledge: Sequence[Pairs]) -> list[list[tuple[int, int]]]:
        """(property, value) texts as ids, product by product; new terms get theirs.

        Exact repeats within a product are dropped. One look-up serves the whole batch.
        """
        if len(self._values) > CACHE_LIMIT:
            self._values.clear()
            self._all_values_cached = False
        names, values = self._properties, self._values
        # Dicts, not sets: the order, and so the ids, are the same in every process.
        new_names = {name: None for pairs in knowledge for name, _ in pairs if name not in names}
        for name in new_names:
            names[name] = self._next_property
            self._next_property += 1
            self._new_properties.append((names[name], name))
        unknown = {text: None for pairs in knowledge for _, text in pairs if text not in values}
        if unknown and not self._all_values_cached:
            values.update(self._dialect.find_terms(self._connection, EntityKind.VALUE, unknown))
        for text in unknown:
            if text not in values:
                values[text] = self.add(EntityKind.VALUE, text)
        return [
            [(names[name], values[text]) for name, text in dict.fromkeys(pairs)]
            for pairs in knowledge
        ]

    def flush(self) -> None:
        """Write the new terms."""
        write = self._dialect.insert
        write(self._connection, entities, ("id", "kind", "text"), self._new_entities)
        write(self._connection, properties, ("id", "name"), self._new_properties)
        self._new_entities.clear()
        self._new_properties.clear()
