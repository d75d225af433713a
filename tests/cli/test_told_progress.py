"""Progress where there is no terminal."""

from __future__ import annotations

from k3m_kg.cli.console import progress_bar
from k3m_kg.cli.told_progress import ToldProgress


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(total: int | None, steps: dict[float, int], info: str = "") -> list[str]:
    """What is said of a task that had done so much at these times."""
    clock, lines = Clock(), list[str]()
    progress = ToldProgress(clock, lines.append)
    task = progress.add_task("train", total=total, info=info)
    for now, done in steps.items():
        clock.now = now
        progress.update(task, completed=done)
    return lines


def test_what_is_short_says_nothing() -> None:
    assert told(100, {1: 10, 5: 50, 9.9: 100}) == []


def test_each_tenth_is_told_with_the_time_that_is_left() -> None:
    steps = {second: second for second in range(0, 101)}
    assert told(100, steps)[:2] == [
        "train: 10 of 100 (10%) after 10 s, about 2 min left",
        "train: 20 of 100 (20%) after 20 s, about 80 s left",
    ]
    assert told(100, steps)[-1] == "train: 100 of 100 (100%) after 2 min"
    assert len(told(100, steps)) == 10


def test_slow_work_is_told_every_half_minute() -> None:
    steps = {second: second for second in range(0, 121, 5)}
    lines = told(10_000, steps, info="loss 2.1")
    assert lines[0] == "train: 30 of 10,000 (0%) after 30 s, about 2.8 h left, loss 2.1"
    assert len(lines) == 4


def test_without_a_total_there_is_no_time_left() -> None:
    assert told(None, {0: 0, 31: 4_000}) == ["train: 4,000 after 31 s"]


def test_advancing_tells_too() -> None:
    clock, lines = Clock(), list[str]()
    progress = ToldProgress(clock, lines.append)
    task = progress.add_task("read", total=20)
    clock.now = 12
    progress.advance(task, 10)
    assert lines == ["read: 10 of 20 (50%) after 12 s, about 12 s left"]


def test_work_that_says_nothing_is_told_every_half_minute_too() -> None:
    clock, lines = Clock(), list[str]()
    progress = ToldProgress(clock, lines.append)
    cells = progress.add_task("cells", total=9)
    train = progress.add_task("train", total=20)
    progress.update(cells, completed=1)
    progress.update(train, completed=20)  # is done: what goes on is another
    for clock.now in range(100):
        progress.beat()
    assert lines == [
        "cells: 1 of 9 (11%) after 30 s, about 4 min left",
        "cells: 1 of 9 (11%) after 60 s, about 8 min left",
        "cells: 1 of 9 (11%) after 2 min, about 12 min left",
    ]
    progress.update(cells, completed=9)
    told = len(lines)
    for clock.now in range(100, 200):
        progress.beat()
    assert len(lines) == told


def test_it_is_what_commands_use_where_standard_error_is_no_terminal() -> None:
    with progress_bar() as bar:
        assert isinstance(bar, ToldProgress)
    with progress_bar(disable=True) as bar:
        assert not isinstance(bar, ToldProgress)
