"""`k3m-kg demo`: a generated catalog, the whole way through, with a report to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json


def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write; must be new or an earlier demo's.")
    ] = Path("demo"),
    products: Annotated[int, typer.Option(min=60, help="Products to generate.")] = 1500,
    seed: Annotated[int, typer.Option(min=0, help="Draws another catalog.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Fewer epochs for a quick look.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Generate a messy catalog and take it the whole way: graph, snapshot, K3M, report.

    Needs no data, no network and, on two cores, about four minutes.
    """
    from k3m_kg.demo.pipeline import run_demo

    result = run_demo(out, products=products, seed=seed, epochs=epochs, say=note)
    if as_json:
        print_json(result.summary())
    else:
        typer.echo(f"report: {result.report}")
