"""`k3m-kg init`: make an empty graph."""

from __future__ import annotations

from k3m_kg.cli.console import DEFAULT_DATABASE, DatabaseOption, JsonFlag, note, print_json


def init(db: DatabaseOption = DEFAULT_DATABASE, json: JsonFlag = False) -> None:
    """Create the database, or find that it is there."""
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.graph.tables import SCHEMA_REVISION

    store, created = GraphStore.create(db)
    store.close()
    if json:
        print_json({"database": store.url, "created": created, "schema": SCHEMA_REVISION})
    else:
        what = "created" if created else "already there:"
        note(f"{what} {store.url} (schema {SCHEMA_REVISION})")
