"""Finding entities by words: all of them at once, as numbers."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from k3m_kg.graph.fulltext.phrases import Phrase
from k3m_kg.graph.fulltext.tables import WordTable, word_tables


def find_entities(connection: Connection, table: WordTable, phrase: Phrase) -> np.ndarray:
    """The entities that have a phrase, in no order; hundreds of thousands take some 0.1 s."""
    asked = word_tables(connection).query(table, phrase)
    if asked is None:
        return numbers_in(None)
    return numbers_in(connection.exec_driver_sql(*asked).scalar_one())


def numbers_in(text: str | None) -> np.ndarray:
    """The numbers of a text that a query made: a row for each would take three times as long."""
    return np.fromstring(text or "", np.int64, sep=",")
