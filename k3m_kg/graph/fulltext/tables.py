"""The tables of words, and where SQLite and PostgreSQL differ about them.

`title_words` has the titles of products, `entity_words` the texts of all entities: ids and values.
The first 300 characters count. SQLite: FTS5. PostgreSQL: `tsvector` with a GIN index, of words that
we cut ourselves, so that both databases find the same and no dictionary of a language is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection

from k3m_kg.graph.fulltext.phrases import SEARCHED, Phrase, spaced, words_of


class WordTable(StrEnum):
    """What is searched."""

    TITLES = "title_words"
    ENTITIES = "entity_words"


class WordTables(Protocol):
    """What a database does with words. Rows are (entity, text)."""

    def add(self, connection: Connection, table: WordTable, rows: Iterable[Sequence[Any]]) -> None:
        """Add texts of entities that are not there."""
        ...

    def remove_titles(self, connection: Connection, entities: Sequence[int]) -> None:
        """Forget the titles of some entities; of those that are not there nothing is forgotten."""
        ...

    def query(self, table: WordTable, phrase: Phrase) -> tuple[str, tuple[str, ...]] | None:
        """SQL for the entities that have a phrase, as one text of numbers, and its parameter.

        None where nothing can be found.
        """
        ...


class SQLiteWords:
    """FTS5, which cuts and folds by itself."""

    def add(self, connection: Connection, table: WordTable, rows: Iterable[Sequence[Any]]) -> None:
        """One statement a row: FTS5 gathers them in memory."""
        driver: Any = connection.connection.driver_connection
        driver.executemany(
            f"INSERT INTO {table}(rowid, text) VALUES (? + 1, ?)",  # noqa: S608
            ((entity, spaced(text[:SEARCHED])) for entity, text in rows),
        )

    def remove_titles(self, connection: Connection, entities: Sequence[int]) -> None:
        """By rowid; FTS5 knows the text that it has to take out."""
        driver: Any = connection.connection.driver_connection
        driver.executemany(
            f"DELETE FROM {WordTable.TITLES} WHERE rowid = ? + 1",  # noqa: S608
            [(entity,) for entity in entities],
        )

    def query(self, table: WordTable, phrase: Phrase) -> tuple[str, tuple[str, ...]] | None:
        """A string of FTS5's own language."""
        return fts5_query(table, phrase)


def fts5_query(table: str, phrase: Phrase) -> tuple[str, tuple[str, ...]]:
    """`WordTables.query` on a table of FTS5."""
    sql = f"SELECT group_concat(rowid - 1) FROM {table} WHERE {table} MATCH ?"  # noqa: S608
    return sql, (f'"{phrase.text}"' + "*" * phrase.goes_on,)


class PostgreSQLWords:
    """`tsvector`, of our own words."""

    def add(self, connection: Connection, table: WordTable, rows: Iterable[Sequence[Any]]) -> None:
        """COPY."""
        driver: Any = connection.connection.driver_connection
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table} (entity, words) FROM STDIN") as copy,
        ):
            for entity, text in rows:
                copy.write_row((entity, _vector(text)))

    def remove_titles(self, connection: Connection, entities: Sequence[int]) -> None:
        """By the primary key."""
        connection.exec_driver_sql(
            f"DELETE FROM {WordTable.TITLES} WHERE entity = ANY(%s)",  # noqa: S608
            (list(entities),),
        )

    def query(self, table: WordTable, phrase: Phrase) -> tuple[str, tuple[str, ...]] | None:
        """A `tsquery` that is not cut again."""
        words = words_of(phrase.text)
        if not words:
            return None
        wanted = " <-> ".join(f"'{word}'" for word in words) + ":*" * phrase.goes_on
        sql = f"SELECT string_agg(entity::text, ',') FROM {table} WHERE words @@ %s::tsquery"  # noqa: S608
        return sql, (wanted,)


def _vector(text: str) -> str:
    """A text as a `tsvector` is written: words, which are of letters and digits, with places."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words_of(spaced(text[:SEARCHED])), 1):
        places.setdefault(word, []).append(str(place))
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())


def word_tables(connection: Connection) -> WordTables:
    """Those of a database."""
    return SQLiteWords() if connection.dialect.name == "sqlite" else PostgreSQLWords()
