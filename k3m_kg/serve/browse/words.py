"""Full text: which products and values have a word, from the database or from memory."""

from __future__ import annotations

import logging
import sqlite3
import threading
from itertools import chain
from typing import Protocol

import numpy as np
from sqlalchemy import func, select

from k3m_kg.errors import GraphError
from k3m_kg.graph.fulltext.filling import words_behind
from k3m_kg.graph.fulltext.finding import find_entities, numbers_in
from k3m_kg.graph.fulltext.phrases import SEARCHED, Phrase, spaced
from k3m_kg.graph.fulltext.tables import WordTable, fts5_query
from k3m_kg.graph.reading.bulk import GraphReader, stream
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import EntityKind, entities, subjects

_PATIENCE = 5.0
"""Seconds to wait for another writer before words are held in memory instead."""
_LOG = logging.getLogger("k3m_kg.serve")


class FullText(Protocol):
    """Finds by words; threads may share it."""

    def find(self, table: WordTable, phrase: Phrase) -> np.ndarray:
        """The entities whose title, or text, has a phrase; in no order."""
        ...


class StoredWords:
    """The words in the database, which every reader shares."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def find(self, table: WordTable, phrase: Phrase) -> np.ndarray:
        """As the database is now."""
        with self._store.reading() as reader:
            return find_entities(reader.connection, table, phrase)


class WordsInMemory:
    """FTS5 in memory: for a database into which nothing may be written."""

    def __init__(self, reader: GraphReader) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._lock = threading.Lock()
        titles = select(subjects.c.entity, func.substr(subjects.c.title, 1, SEARCHED)).where(
            subjects.c.kind == int(EntityKind.PRODUCT), subjects.c.title.is_not(None)
        )
        texts = select(entities.c.id, func.substr(entities.c.text, 1, SEARCHED))
        for table, query in ((WordTable.TITLES, titles), (WordTable.ENTITIES, texts)):
            # The texts themselves stay in the graph.
            self._database.execute(
                f"CREATE VIRTUAL TABLE {table} USING fts5(text, content='', columnsize=0, "
                "tokenize='unicode61 remove_diacritics 2')"
            )
            rows = chain.from_iterable(stream(reader.connection, query))
            self._database.executemany(
                f"INSERT INTO {table}(rowid, text) VALUES (? + 1, ?)",  # noqa: S608
                ((entity, spaced(text)) for entity, text in rows),
            )

    def find(self, table: WordTable, phrase: Phrase) -> np.ndarray:
        """As the graph was when it was read."""
        with self._lock:
            found = self._database.execute(*fts5_query(table, phrase)).fetchone()
        return numbers_in(found[0])


def fill_words(store: GraphStore) -> None:
    """Bring the words in the database up to date, if it can be written to."""
    try:
        store.fill_words(_PATIENCE)
    except GraphError as error:
        _LOG.warning("words are held in memory: %s", error)


def words_of(store: GraphStore, reader: GraphReader) -> FullText:
    """Those of the database, where they are as new as what is read."""
    behind = words_behind(reader.connection)
    return WordsInMemory(reader) if behind else StoredWords(store)
