"""How long work tells how far it is: one form of call-back each, for every room."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[int], None]
"""Told how many more items are done."""

Progress = Callable[[int, int], None]
"""Told how many items are done, and of how many."""

StageAdvance = Callable[[str, int], None]
"""Told a stage's name and how many more of its items are done."""

StageProgress = Callable[[str, int, int | None], None]
"""Told a stage's name, how many of its items are done, and of how many where that is known."""


def counted(progress: StageProgress, stage: str, total: int | None = None) -> Advance:
    """Tells `progress` of one stage, of which it is told how many more items are done."""
    done = 0

    def more(count: int) -> None:
        nonlocal done
        done += count
        progress(stage, done, total)

    return more


def counted_stages(progress: StageProgress) -> StageAdvance:
    """Tells `progress` of stages, of which it is told how many more of their items are done."""
    done: dict[str, int] = {}

    def more(stage: str, count: int) -> None:
        done[stage] = done.get(stage, 0) + count
        progress(stage, done[stage], None)

    return more
