"""`k3m-kg profile`: where the time of a training goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar, say
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.using import OverridesOption


def profile(
    config: Annotated[Path, typer.Argument(help="A run config in YAML.", metavar="CONFIG")],
    trace: Annotated[
        Path,
        typer.Option("--trace", metavar="FILE", help="The trace to write, for chrome://tracing."),
    ] = Path("trace.json"),
    steps: Annotated[
        int, typer.Option("--steps", min=1, max=10_000, metavar="N", help="Steps to measure.")
    ] = 20,
    overrides: OverridesOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure the parts of a training's steps, and write a trace of some. Nothing is kept of it.

    In the table each part is waited for; in the trace, as in a training, nothing is.
    """
    from k3m_kg.config import RunConfig, load_config

    settings = load_config(RunConfig, config, overrides)
    guard("--trace", trace, snapshot=settings.snapshot, files=[("the config", config)])

    from k3m_kg.cli.commands.training.pretrain import PretrainingBar
    from k3m_kg.training.watching.profiling import AHEAD, profile_training

    with progress_bar(disable=as_json) as bar:
        found = profile_training(settings, trace, steps=steps, observer=PretrainingBar(bar))
    whole = found.step_seconds
    if as_json:
        print_json(
            {
                "device": found.device,
                "precision": found.precision,
                "products": found.products,
                "steps": found.steps,
                "step_seconds": whole,
                "ahead_seconds": found.ahead_seconds,
                "parts": [
                    {"part": part.name, "seconds": part.seconds, "share": part.seconds / whole}
                    for part in found.parts
                ],
                "trace": str(trace),
            }
        )
        return
    say(f"{found.products} products a step, {found.device}, {found.precision}, {steps} steps")
    say(f"{'part':28} {'ms':>9} {'share':>7}")
    for part in found.parts:
        if part.name not in AHEAD:
            say(f"{part.name:28} {1000 * part.seconds:9.2f} {part.seconds / whole:7.1%}")
    say(f"{'a step':28} {1000 * whole:9.2f} {found.products / whole:7,.0f} products/s")
    say(f"{'the next batch, meanwhile':28} {1000 * found.ahead_seconds:9.2f}")
    note(f"trace {trace} (open it at chrome://tracing or ui.perfetto.dev)")
