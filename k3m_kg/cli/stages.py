"""Stages of a long command as progress bars, or as lines where there is no terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from k3m_kg.cli.console import note

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_QUIET_SECONDS = 30.0
"""Without a terminal, one line of progress at most this often within a stage."""


class StageBars:
    """Draws the stages as bars, or writes a line now and then where there is no terminal."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.tasks: dict[str, TaskID] = {}
        self.spoke = 0.0

    def __call__(self, stage: str, done: int, total: int, info: str) -> None:
        """A stage went on."""
        new = stage not in self.tasks
        if new:
            self.tasks[stage] = self.bar.add_task(stage, total=total, info="")
        self.bar.update(self.tasks[stage], completed=done, total=total, info=info)
        if self.bar.disable and (new or time.monotonic() - self.spoke > _QUIET_SECONDS):
            self.spoke = time.monotonic()
            note(f"{stage}: {done:,} of {total:,} {info}".rstrip())
