"""`k3m-kg demo`: a generated catalog, the whole way through, with a report to look at."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar, say
from k3m_kg.cli.outputs import guard

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_QUIET_SECONDS = 30.0
"""Without a terminal, one line of progress at most this often within a stage."""


class _Bars:
    """Draws the stages as bars, or writes a line now and then where there is no terminal."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.tasks: dict[str, TaskID] = {}
        self.spoke = 0.0

    def __call__(self, stage: str, done: int, total: int, info: str) -> None:
        new = stage not in self.tasks
        if new:
            self.tasks[stage] = self.bar.add_task(stage, total=total, info="")
        self.bar.update(self.tasks[stage], completed=done, total=total, info=info)
        if self.bar.disable and (new or time.monotonic() - self.spoke > _QUIET_SECONDS):
            self.spoke = time.monotonic()
            note(f"{stage}: {done:,} of {total:,} {info}".rstrip())


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
        result = run_demo(out, products=products, seed=seed, epochs=epochs, watch=_Bars(bar))
    if as_json:
        print_json(result)
    else:
        note(f"done in {time.monotonic() - start:.0f} s; open the report in a browser:")
        say(result["report"])
