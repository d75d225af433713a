"""`k3m-kg migrate`: bring a database of an older version to this one."""

from __future__ import annotations

from k3m_kg.cli.console import DEFAULT_DATABASE, DatabaseOption, JsonFlag, note, print_json


def migrate(db: DatabaseOption = DEFAULT_DATABASE, json: JsonFlag = False) -> None:
    """Upgrade the database in one transaction, keeping its content."""
    from k3m_kg.graph.database.engine import parse_url, safe_url
    from k3m_kg.graph.store import GraphStore

    before, after = GraphStore.migrate(db)
    database = safe_url(parse_url(db))
    if json:
        print_json({"database": database, "schema_before": before, "schema": after})
    elif before == after:
        note(f"{database} is up to date (schema {after})")
    else:
        note(f"{database} upgraded from schema {before} to {after}")
