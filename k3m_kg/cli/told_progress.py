"""Progress where there is no terminal: a line now and then, as in the log of a nightly job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress, TaskID

FIRST = 10.0
"""Seconds before the first line of a task: what is short says nothing."""
LATEST = 30.0
"""Seconds after which a line comes in any case, where something goes on."""
BEAT = 2.0
"""Seconds between two looks at what says nothing."""


class ToldProgress(Progress):
    """Tells how far tasks are: at each tenth of one, at the earliest 10 s after its last line.

    Args:
        clock: seconds, never going back.
        tell: takes a line.
    """

    def __init__(self, clock: Callable[[], float], tell: Callable[[str], None]) -> None:
        super().__init__(disable=True, get_time=clock)
        self._clock = clock
        self._tell = tell
        self._told: dict[TaskID, tuple[float, int]] = {}
        self._touched: dict[TaskID, float] = {}
        self._last = clock()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As on a terminal; then perhaps a line."""
        super().update(task_id, **changes)
        self._look(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As on a terminal; then perhaps a line."""
        super().advance(task_id, advance)
        self._look(task_id)

    def beat(self) -> None:
        """A line of what went on last and is not done, where nothing was told for half a minute.

        For work that says nothing of itself meanwhile, from another thread.
        """
        with self._lock:
            now = self._clock()
            going = [task_id for task_id, task in self._tasks.items() if not task.finished]
            if now - self._last < LATEST or not going:
                return
            latest = max(going, key=lambda task_id: self._touched.get(task_id, 0.0))
            began = self._tasks[latest].start_time
            _, tenth = self._told.get(latest, (now, 0))
            self._say(latest, now, now if began is None else began, tenth)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Meanwhile a thread looks whether a line is due."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(BEAT):
                self.beat()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _look(self, task_id: TaskID) -> None:
        with self._lock:
            self._look_locked(task_id)

    def _look_locked(self, task_id: TaskID) -> None:
        task, now = self._tasks[task_id], self._clock()
        began = now if task.start_time is None else task.start_time
        when, tenth = self._told.get(task_id, (began, 0))
        self._touched[task_id] = now
        reached = int(10 * task.completed / task.total) if task.total else 0
        waited = now - when
        if waited >= LATEST or (waited >= FIRST and reached > tenth):
            self._say(task_id, now, began, reached)

    def _say(self, task_id: TaskID, now: float, began: float, reached: int) -> None:
        self._told[task_id] = (now, reached)
        self._last = now
        self._tell(self._line(task_id, now - began))

    def _line(self, task_id: TaskID, elapsed: float) -> str:
        task = self._tasks[task_id]
        info = f", {task.fields['info']}" if task.fields.get("info") else ""
        if not task.total:
            return f"{task.description}: {task.completed:,.0f} after {_spoken(elapsed)}{info}"
        share = task.completed / task.total
        left = ""
        if 0 < share < 1 and not info.endswith(" left"):  # who tells it knows better
            left = f", about {_spoken(elapsed * (1 - share) / share)} left"
        done = f"{task.completed:,.0f} of {task.total:,.0f} ({share:.0%})"
        return f"{task.description}: {done} after {_spoken(elapsed)}{left}{info}"


def _spoken(seconds: float) -> str:
    """Such as `50 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
