"""`k3m-kg demo`: a generated catalog, the whole way through, with a report to look at."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar, say
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.stages import StageBars


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A new folder, or an earlier demo's.")
    ] = Path("demo"),
    products: Annotated[
        int, typer.Option(min=200, metavar="N", help="Products to generate.")
    ] = 1500,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Another seed, another catalog.")
    ] = 0,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Train for this long; 1 for a quick look."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Generate a messy catalog and take it the whole way: graph, snapshot, K3M, report.

    Needs no data and no network and, on two cores, under five minutes.
    """
    from k3m_kg.extras import require

    require("torch", "tokenizers", "matplotlib")
    guard("--out", out)
    from k3m_kg.demo.pipeline import run_demo

    start = time.monotonic()
    with progress_bar() as bar:
        result = run_demo(out, products=products, seed=seed, epochs=epochs, watch=StageBars(bar))
    if as_json:
        print_json(result)
    else:
        note(f"done in {time.monotonic() - start:.0f} s; open the report in a browser:")
        say(result["report"])
        note(
            "or look around in the graph, ask the model, and decide about its "
            f"{result['to_review']:,} proposals, one key each:"
        )
        say(result["serve"])
