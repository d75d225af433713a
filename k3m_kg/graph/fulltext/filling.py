"""Filling the tables of words: after runs, in steps, never within an ingest.

`words_state.below` says how far: every entity below it has its words. Entities only come, so what
is new is known by its number. Titles change: whoever writes `subjects` notes in `retitled`, in the
same transaction, the products below it whose title is another one now.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, delete, func, select, text, update

from k3m_kg.graph.fulltext.phrases import SEARCHED
from k3m_kg.graph.fulltext.tables import WordTable, word_tables
from k3m_kg.graph.tables import EntityKind, entities, retitled, subjects, words_state

STEP = 20_000
"""Entities in one transaction: other writers wait for less than a second."""
_FEW = 500


def filled_below(connection: Connection) -> int:
    """The entities below this number have their words."""
    below: int = connection.execute(select(words_state.c.below)).scalar_one()
    return below


def words_behind(connection: Connection) -> bool:
    """Whether something is to be filled in."""
    newest = connection.execute(select(func.max(entities.c.id))).scalar_one()
    if newest is not None and newest >= filled_below(connection):
        return True
    return connection.execute(select(retitled.c.entity).limit(1)).first() is not None


def note_retitled(connection: Connection, changed: Iterable[int]) -> None:
    """The titles of these entities are not what they were."""
    some = list(changed)
    below = filled_below(connection) if some else 0
    rows = [{"entity": entity} for entity in some if entity < below]
    if rows:
        note = f"INSERT INTO {retitled.name} (entity) VALUES (:entity) ON CONFLICT DO NOTHING"  # noqa: S608
        connection.execute(text(note), rows)


def fill_words(connection: Connection, step: int = STEP) -> bool:
    """Bring the words of at most `step` entities up to date, within a write transaction.

    Returns:
        Whether more is to be done.
    """
    below = filled_below(connection)
    tables = word_tables(connection)
    new = connection.execute(
        select(entities.c.id, func.substr(entities.c.text, 1, SEARCHED))
        .where(entities.c.id >= below)
        .order_by(entities.c.id)
        .limit(step)
    ).all()
    if new:
        above = new[-1][0] + 1
        tables.add(connection, WordTable.ENTITIES, new)
        _add_titles(connection, subjects.c.entity.between(below, above - 1))
        connection.execute(update(words_state).values(below=above))
    again = list(
        connection.execute(
            select(retitled.c.entity).order_by(retitled.c.entity).limit(max(0, step - len(new)))
        ).scalars()
    )
    for start in range(0, len(again), _FEW):
        some = again[start : start + _FEW]
        tables.remove_titles(connection, some)
        _add_titles(connection, subjects.c.entity.in_(some))
        connection.execute(delete(retitled).where(retitled.c.entity.in_(some)))
    return len(new) + len(again) == step


def _add_titles(connection: Connection, which: ColumnElement[bool]) -> None:
    rows = connection.execute(
        select(subjects.c.entity, func.substr(subjects.c.title, 1, SEARCHED))
        .where(which, subjects.c.kind == int(EntityKind.PRODUCT), subjects.c.title.is_not(None))
        .order_by(subjects.c.entity)
    ).all()
    word_tables(connection).add(connection, WordTable.TITLES, rows)
