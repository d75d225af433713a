"""How much of a grid is done, and how long the rest takes: trainings and cells apart."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass

from k3m_kg.robustness.units import GridJob, GridUnit, Told, units_of


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long the rest takes, as it went so far.

    Attributes:
        seconds: of all that something is known of.
        at_least: nothing is known yet of some, such as cells before the first is asked.
    """

    seconds: float
    at_least: bool


@dataclass(slots=True)
class _Steps:
    """A training that goes on: when it was seen first and last, and how far it was then."""

    first: float
    first_done: int
    last: float
    done: int
    total: int

    @property
    def each(self) -> float | None:
        """Seconds of a step; None before the second is told."""
        steps = self.done - self.first_done
        return (self.last - self.first) / steps if steps else None


class Clock:
    """How much of a grid is done, and how long the rest takes.

    Args:
        job: the grid.
        minutes: a budget; None: as long as it takes.
        now: tells seconds.
    """

    def __init__(
        self,
        job: GridJob,
        minutes: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._start = now, now()
        self._minutes = minutes
        self._simple = set(job.settings.simple)
        self._left = {
            unit: [task for task, _, _ in job.waiting(unit)] for unit in units_of(job.settings)
        }
        self._training = {
            unit: unit.model not in self._simple and not job.is_trained(unit) for unit in self._left
        }
        self._since: dict[GridUnit, float] = {}
        self._steps: dict[GridUnit, _Steps] = {}
        self._trained: list[float] = []
        self._asked: dict[tuple[str, bool], list[float]] = {}
        self.workers = 1

    def told(self, told: Told) -> None:
        """Something went on."""
        now, unit = self._now(), told.unit
        begun = self._since.setdefault(unit, now)
        if told.stage == "train":
            steps = self._steps.setdefault(unit, _Steps(now, told.done, now, told.done, told.total))
            steps.last, steps.done, steps.total = now, told.done, told.total
            if told.done == told.total:
                self._trained.append(now - begun)
                self._training[unit], self._since[unit] = False, now
        elif told.cell:
            kind = told.stage, unit.model in self._simple
            self._asked.setdefault(kind, []).append(now - begun)
            if told.stage in self._left[unit]:
                self._left[unit].remove(told.stage)
            self._since[unit] = now

    @property
    def is_over(self) -> bool:
        """Whether the budget is spent."""
        return self._minutes is not None and self._now() - self._start > 60 * self._minutes

    @property
    def cells_left(self) -> int:
        """Cells that are to be asked."""
        return sum(map(len, self._left.values()))

    @property
    def trainings_left(self) -> int:
        """Trainings that are not done."""
        return sum(self._training.values())

    @property
    def left(self) -> TimeLeft | None:
        """As it went so far; None while nothing is known."""
        now = self._now()
        train = self._seconds_of_training()
        if train is None and not self._asked:
            return None
        at_least = False
        of_units = []
        for unit, tasks in sorted(self._left.items(), key=lambda one: one[0] not in self._since):
            spent = now - self._since.get(unit, now)  # on what it does now
            seconds = 0.0
            if self._training[unit]:
                rest = self._rest_of_training(unit, train, now)
                at_least |= rest is None
                seconds += rest or 0.0
                spent = 0.0
            for task in tasks:
                each = self._seconds_of_cell(task, unit)
                at_least |= each is None
                seconds += max(0.0, (each or 0.0) - spent)
                spent = 0.0
            of_units.append(seconds)
        ends = [0.0] * self.workers  # no unit is done by two processes; those that go on are first
        for seconds in of_units:
            heapq.heapreplace(ends, ends[0] + seconds)
        return TimeLeft(max(ends), at_least)

    def _seconds_of_training(self) -> float | None:
        """A whole one, preparation with it; while none is done, as the one that goes on goes."""
        if self._trained:
            return sum(self._trained) / len(self._trained)
        found = [
            steps.first - self._since[unit] + steps.each * steps.total
            for unit, steps in self._steps.items()
            if steps.each is not None
        ]
        return max(found) if found else None

    def _rest_of_training(self, unit: GridUnit, whole: float | None, now: float) -> float | None:
        steps = self._steps.get(unit)
        if steps is not None and steps.each is not None:
            return max(0.0, steps.each * (steps.total - steps.done) - (now - steps.last))
        if whole is None:
            return None
        return max(0.0, whole - (now - self._since.get(unit, now)))

    def _seconds_of_cell(self, task: str, unit: GridUnit) -> float | None:
        simple = unit.model in self._simple
        known = self._asked.get((task, simple)) or [
            seconds for each in self._asked.values() for seconds in each
        ]
        return sum(known) / len(known) if known else None
