"""The term dictionary while writing: text to id, with new ids given by the one writer."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table, func, select

from k3m_kg.graph.database.dialect import TERM_INDEX, Dialect
from k3m_kg.graph.tables import EntityKind, entities, properties

CACHE_LIMIT = 2_000_000
"""Entities of one kind kept in memory (about 250 MB of short ones); beyond it they are looked up
again."""


class TermDictionary:
    """Ids for properties, values and products within one write transaction.

    New terms get their ids here and reach the database with `flush`; only the holder of the
    write lock may use it.

    Attributes:
        first_new: entities from this id on were made in this transaction.
        fresh: whether the graph held no entity when the transaction began. Then the secondary
            indexes are dropped where that pays, and `finish` builds them.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self.first_new = self._next_entity = self._first_free(entities)
        self._next_property = self._first_free(properties)
        self._properties = dict(
            connection.execute(select(properties.c.name, properties.c.id)).all()
        )
        self.fresh = self._next_entity == 0
        self._missing_indexes = dialect.drop_indexes(connection) if self.fresh else []
        self._ids: dict[EntityKind, dict[str, int]] = {kind: {} for kind in EntityKind}
        self._all_cached = dict.fromkeys(EntityKind, self.fresh)
        self._new_entities: list[tuple[int, int, str]] = []
        self._new_properties: list[tuple[int, str]] = []

    def _first_free(self, table: Table) -> int:
        highest = self._connection.execute(select(func.max(table.c.id))).scalar_one()
        return 0 if highest is None else highest + 1

    def ids(self, kind: EntityKind, texts: Iterable[str]) -> dict[str, int]:
        """A dictionary that has the ids of `texts` (and of others); new texts get theirs.

        One look-up serves the whole batch.
        """
        known = self._ids[kind]
        # A dict, not a set: the order, and so the ids, are the same in every process.
        unknown = {text: None for text in texts if text not in known}
        if unknown and not self._all_cached[kind]:
            known.update(self._dialect.find_terms(self._connection, kind, unknown))
        for text in unknown:
            if text not in known:
                known[text] = self._next_entity
                self._new_entities.append((self._next_entity, int(kind), text))
                self._next_entity += 1
        return known

    def property_ids(self, names: Iterable[str]) -> dict[str, int]:
        """A dictionary that has the ids of the properties `names`; new names get theirs."""
        known = self._properties
        for name in names:
            if name not in known:
                known[name] = self._next_property
                self._new_properties.append((self._next_property, name))
                self._next_property += 1
        return known

    def flush(self) -> None:
        """Write the new terms; the dictionaries given out before are void afterwards.

        The writing may go on until `Dialect.settle`.
        """
        write = self._dialect.insert_behind
        write(self._connection, entities, ("id", "kind", "text"), self._new_entities)
        write(self._connection, properties, ("id", "name"), self._new_properties)
        self._new_entities.clear()
        self._new_properties.clear()
        for kind, known in self._ids.items():
            if len(known) > CACHE_LIMIT:
                self._ids[kind] = {}
                self._all_cached[kind] = False
                self._build_index(TERM_INDEX)

    def finish(self) -> None:
        """Build the indexes that a fresh graph has done without so far."""
        for name in tuple(self._missing_indexes):
            self._build_index(name)

    def _build_index(self, name: str) -> None:
        if name in self._missing_indexes:
            self._missing_indexes.remove(name)
            self._dialect.create_index(self._connection, name)
