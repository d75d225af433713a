"""`k3m-kg status`: what is in the graph."""

from __future__ import annotations

from k3m_kg.cli.console import DEFAULT_DATABASE, DatabaseOption, JsonFlag, print_json


def status(db: DatabaseOption = DEFAULT_DATABASE, json: JsonFlag = False) -> None:
    """Count products, properties, values, triples, images, and what is missing."""
    from dataclasses import asdict

    from k3m_kg.graph.store import GraphStore

    with GraphStore.open(db) as store:
        found = store.status()
    if json:
        print_json(asdict(found))
        return
    from rich.console import Console
    from rich.table import Table

    rows: list[tuple[str, int, str]] = [
        ("products", found.products, f"from {found.sources} source(s)"),
        ("  without title", found.missing.title, ""),
        ("  without image", found.missing.image, "no local picture that decodes"),
        ("  without triples", found.missing.triples, ""),
        ("triples", found.triples, ""),
        ("  properties", found.properties, ""),
        ("  values", found.values, ""),
        ("images", found.images, "local and decoded"),
        ("  failed", found.images_failed, "the file is missing or does not decode"),
        ("  not local", found.images_not_local, "URLs that were not fetched"),
    ]
    table = Table("", "", "", box=None, show_header=False, pad_edge=False)
    table.columns[1].justify = "right"
    table.columns[2].style = "dim"
    for name, count, remark in rows:
        table.add_row(name, f"{count:,}", remark if count else "")
    Console().print(table)
