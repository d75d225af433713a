"""`k3m-kg export`: the graph as RDF or as tables."""

from __future__ import annotations

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
)
from k3m_kg.cli.outputs import guard, guard_sources


def export(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file, for parquet and csv the folder; - is standard output.",
            show_default=False,
        ),
    ],
    db: DatabaseOption = DEFAULT_DATABASE,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="nt, nq, ttl, trig, rdfxml, jsonld, parquet or csv.  [default: by OUT's suffix]",
        ),
    ] = None,
    spreadsheet: Annotated[
        bool,
        typer.Option(
            "--spreadsheet",
            help="Of csv, to open it in Excel: what that would run begins with an apostrophe; "
            "`ingest` then reads another text.",
        ),
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Write the whole graph as RDF, or as tables of products, triples and images.

    A name that ends in .gz or .zst is compressed. The output is complete or not there at all.
    """
    from dataclasses import asdict

    from k3m_kg.errors import UsageError
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.rdf.export import export as write
    from k3m_kg.rdf.export import files_of, format_of
    from k3m_kg.rdf.output import STDOUT

    chosen = format_of(out, format)
    if json and out == STDOUT:
        raise UsageError("--json and OUT - both want standard output", hint="name a file")
    if spreadsheet and chosen != "csv":
        raise UsageError("--spreadsheet is for csv", where=f"--format {chosen}")
    guard("OUT", out, db=db)
    with GraphStore.open(db) as store, progress_bar(disable=json) as bar:
        guard_sources("OUT", out, store, files_of(chosen))
        task = bar.add_task("export", total=None, info="products and values")
        report = write(
            store,
            out,
            chosen,
            lambda done: bar.update(task, completed=done),
            spreadsheet=spreadsheet,
        )
    if json:
        print_json(asdict(report))
        return
    size = "" if report.bytes is None else f" ({report.bytes / 1e6:,.1f} MB)"
    summary = (
        f"{report.path}{size}: {report.products:,} products, {report.triples:,} triples "
        f"in {report.seconds:.1f} s"
    )
    note(summary) if out == STDOUT else say(summary)
