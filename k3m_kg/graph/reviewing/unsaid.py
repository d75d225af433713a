"""Stated values that say nothing, such as `n/a`: what is proposed in their place is asked too."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from k3m_kg.graph.history.journal import chunks
from k3m_kg.graph.tables import EntityKind, entities, properties
from k3m_kg.placeholders import says_nothing


def saying_nothing(
    connection: Connection, pairs: Iterable[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Of stated (property, value) those whose value says nothing."""
    wanted = set(pairs)
    if not wanted:
        return set()
    names: dict[int, str] = {}
    for chunk in chunks(sorted({name for name, _ in wanted})):
        rows = select(properties.c.id, properties.c.name).where(properties.c.id.in_(chunk))
        names.update((id_, name) for id_, name in connection.execute(rows))
    texts: dict[int, str] = {}
    for chunk in chunks(sorted({tail for _, tail in wanted})):
        values = select(entities.c.id, entities.c.text).where(
            entities.c.id.in_(chunk), entities.c.kind == int(EntityKind.VALUE)
        )
        texts.update((id_, text) for id_, text in connection.execute(values))
    return {
        (name, tail)
        for name, tail in wanted
        if tail in texts and says_nothing(texts[tail], names.get(name, ""))
    }
