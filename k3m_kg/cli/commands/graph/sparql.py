"""`k3m-kg sparql`: ask the graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    progress_bar,
    say,
    say_data,
)
from k3m_kg.cli.limits import MemoryOption, TimeoutOption, limits_of


def sparql(
    query: Annotated[
        str | None,
        typer.Argument(metavar="[QUERY]", help="The query itself.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with the query; - is standard input."),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    format: Annotated[
        str, typer.Option(metavar="NAME", help="table, csv or json; the latter two are the W3C's.")
    ] = "table",
    timeout: TimeoutOption = 60.0,
    memory: MemoryOption = None,
    max_cell: Annotated[
        int, typer.Option(metavar="N", min=1, help="Characters that one cell may have.")
    ] = 1 << 20,
    limit: Annotated[
        int, typer.Option(metavar="ROWS", min=0, help="Rows or triples at most; 0: all.")
    ] = 10_000,
    json: JsonFlag = False,
) -> None:
    """Run a SPARQL 1.1 query over the graph: SELECT, ASK, CONSTRUCT or DESCRIBE.

    The prefixes k3m, product, property, value, schema, rdf and rdfs are known. The first query
    after a change of the graph takes longer: it cuts the graph into a store for SPARQL. Updates
    and SERVICE are refused. --json is --format json; a graph comes as N-Triples, or as JSON-LD.
    """
    from k3m_kg.errors import UsageError, unknown_name
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.rdf import sparql_results as results
    from k3m_kg.rdf.sparql import query as run

    if format not in results.RESULT_FORMATS:
        raise UsageError(unknown_name("format", format, results.RESULT_FORMATS), where="--format")
    if (query is None) == (file is None):
        raise UsageError(
            "give either a query or --file",
            hint="k3m-kg sparql 'SELECT * WHERE { ?product a schema:Product } LIMIT 10'",
        )
    text = query if query is not None else _read(file)
    where = "query" if query is not None else str(file)
    with GraphStore.open(db) as store, progress_bar(disable=json) as bar:
        task = bar.add_task("cut for SPARQL", total=None, info="triples", visible=False)
        result = run(
            store,
            text,
            where=where,
            limits=limits_of(timeout, memory),
            limit=limit,
            cell=max_cell,
            on_build=lambda loaded: bar.update(task, completed=loaded, visible=True),
        )
    if json or format == "json":
        print_json(results.as_json(result))
    else:
        text = (results.as_csv if format == "csv" else results.as_table)(result)
        say_data(text) if format == "csv" else say(text, end="")
    if result.truncated:
        note(f"note: stopped after {limit:,} rows; --limit 0 gives all of them")


def _read(file: Path | None) -> str:
    from k3m_kg.errors import UsageError
    from k3m_kg.rdf.sparql import LONGEST

    assert file is not None
    try:  # one character more is enough to be refused
        if str(file) == "-":
            return sys.stdin.read(LONGEST + 1)
        with file.open(encoding="utf-8") as text:
            return text.read(LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no UTF-8 text"
        raise UsageError(f"the query cannot be read: {reason}", where=str(file)) from None
