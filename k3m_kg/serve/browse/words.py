"""Full text: which products and values have a word. SQLite's FTS5, in memory."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable

import numpy as np

MOST_WORDS = 12
"""Of a search; further ones are left out."""
_SEPARATE = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff])")
"""Letters of scripts that put no spaces between words: each is a word of its own."""
_ASKED = re.compile(r'"([^"]*)"|(\S+)')


class WordIndex:
    """Titles and values by their words; whatever the case and the accents.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._lock = threading.Lock()
        for table in ("titles", "terms"):
            # The texts themselves stay in the graph.
            self._database.execute(
                f"CREATE VIRTUAL TABLE {table} USING fts5(text, content='', columnsize=0, "
                "tokenize='unicode61 remove_diacritics 2')"
            )

    def add_titles(self, rows: Iterable[tuple[int, str]]) -> None:
        """Titles by their product's place."""
        self._add("titles", rows)

    def add_values(self, rows: Iterable[tuple[int, str]]) -> None:
        """Values by their number in the graph."""
        self._add("terms", rows)

    def _add(self, table: str, rows: Iterable[tuple[int, str]]) -> None:
        with self._lock, self._database:
            self._database.executemany(
                f"INSERT INTO {table}(rowid, text) VALUES (? + 1, ?)",  # noqa: S608
                ((number, _spaced(text)) for number, text in rows),
            )

    def titles(self, phrase: str) -> np.ndarray:
        """Places of products whose title or id has the words, the last one at its beginning."""
        return self._find("titles", phrase)

    def values(self, phrase: str) -> np.ndarray:
        """Numbers of values that have them."""
        return self._find("terms", phrase)

    def _find(self, table: str, phrase: str) -> np.ndarray:
        sql = f"SELECT rowid - 1 FROM {table} WHERE {table} MATCH ?"  # noqa: S608
        with self._lock:
            rows = self._database.execute(sql, (phrase,)).fetchall()
        return np.fromiter((row[0] for row in rows), np.int64, len(rows))


def phrases(query: str) -> list[str]:
    """What was asked for, as phrases of FTS5: words that may go on, and "exact phrases"."""
    found = []
    for exact, word in _ASKED.findall(query.replace("\0", " ")):
        text = _spaced(exact or word).replace('"', " ").strip()
        if any(map(str.isalnum, text)):
            found.append(f'"{text}"' if exact else f'"{text}"*')
    return found[:MOST_WORDS]


def _spaced(text: str) -> str:
    return text if text.isascii() else _SEPARATE.sub(r" \1 ", text)
