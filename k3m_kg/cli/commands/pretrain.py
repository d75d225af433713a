"""`k3m-kg pretrain`: from a config file to an artifact."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar
from k3m_kg.cli.outputs import guard_training
from k3m_kg.cli.using import OverridesOption, ResumeFlag

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_QUIET_SECONDS = 30.0
"""Without a terminal, one line of progress at most this often."""


class PretrainingBar:
    """Draws a run on a progress bar, or writes a line now and then where there is no terminal."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.stages: dict[str, TaskID] = {}
        self.steps: TaskID | None = None
        self.smooth: dict[str, float] = {}
        self.rate = 0.0
        self.spoke = time.monotonic()

    def stage(self, name: str, done: int, total: int) -> None:
        """Preparation went on."""
        if name not in self.stages:
            self.stages[name] = self.bar.add_task(name, total=total, info="")
        self.bar.update(self.stages[name], completed=done, total=total)

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        """A training step ended."""
        for name, value in losses.items():
            self.smooth[name] = 0.95 * self.smooth.get(name, value) + 0.05 * value
        self.rate = 0.9 * (self.rate or rate) + 0.1 * rate
        shown = " ".join(f"{name} {v:.3f}" for name, v in self.smooth.items() if "/" not in name)
        text = f"{shown} {self.rate:.0f} products/s"
        if self.steps is None:
            self.steps = self.bar.add_task("pretrain", total=total, completed=step - 1, info="")
        self.bar.update(self.steps, completed=step, info=text)
        if self.bar.disable and time.monotonic() - self.spoke > _QUIET_SECONDS:
            self.spoke = time.monotonic()
            note(f"step {step}/{total} {text}")

    def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
        """An epoch was validated."""
        metrics = validation["metrics"]
        mrr, first = metrics["macro_mrr"], metrics["macro_hits@1"]
        text = (
            f"epoch {epoch}: validation MRR {mrr:.4f}, Hits@1 {first:.4f} (means over properties)"
        )
        if self.bar.disable:
            note(text)
        else:
            self.bar.console.print(text)


def pretrain(
    config: Annotated[Path, typer.Argument(help="The run config, a YAML file.", metavar="CONFIG")],
    overrides: OverridesOption = None,
    resume: ResumeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a model on a snapshot and write the artifact that the config names."""
    from k3m_kg.config import RunConfig, load_config

    settings = load_config(RunConfig, config, overrides)
    guard_training(config, settings)

    from k3m_kg.manifests import read_json
    from k3m_kg.training.pretrain import pretrain as run

    try:
        with progress_bar() as bar:
            path = run(settings, resume=resume, observer=PretrainingBar(bar))
    except KeyboardInterrupt:
        note("interrupted: the same command with --resume goes on from the last checkpoint")
        raise typer.Exit(1) from None
    metrics = read_json(path / "metrics.json")
    if as_json:
        print_json({"artifact": str(path), **metrics})
    else:
        note(f"artifact {path} ({metrics['steps']} steps, {metrics['seconds']:.0f} s)")
