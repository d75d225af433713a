"""The time that a training may take, and what its first steps say of the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_UNTYPICAL = 2
"""First steps, in which memory is claimed and kernels are chosen."""
_MEASURED = (10, 30, 100, 300)
"""Steps after which the rest is planned anew, as after every epoch."""
_RESERVED = 0.08
"""Share of the budget for the last validation and for writing the artifact, at least."""
_MOST_RESERVED = 0.5
"""Share that is never kept back: something is to be trained in any case."""


class TimeBudget:
    """Wall time of one process, from its beginning.

    Args:
        minutes: of preparation and training; None is without end.
        began: when it all began, by `time.monotonic`; None is now.

    Attributes:
        spent: seconds that earlier processes of the same training took.
    """

    def __init__(self, minutes: float | None, began: float | None = None) -> None:
        self.limit = None if minutes is None else 60 * minutes
        self.spent = 0.0
        self._began = time.monotonic() if began is None else began
        self._steps = 0
        self._first = self._began
        self._closing: dict[str, float] = {}

    @contextmanager
    def closing(self, what: str, times: int = 1) -> Iterator[None]:
        """What is done now will be done `times` when the training ends: room is kept for it."""
        before = time.monotonic()
        yield
        self._closing[what] = times * (time.monotonic() - before)

    @property
    def room(self) -> float | None:
        """Seconds that preparation and steps may take; None without a limit."""
        if self.limit is None:
            return None
        kept = max(self.limit * _RESERVED, sum(self._closing.values()))
        return self.limit - min(kept, self.limit * _MOST_RESERVED)

    def until(self, share: float) -> float | None:
        """When a share of the time that is left is over, by `time.monotonic`; None: no limit."""
        if self.room is None:
            return None
        return time.monotonic() + share * max(0.0, self.room - self.elapsed)

    @property
    def elapsed(self) -> float:
        """Seconds of the training so far."""
        return self.spent + time.monotonic() - self._began

    @property
    def over(self) -> bool:
        """Whether there is time for no further step."""
        return self.room is not None and self.elapsed >= self.room

    @property
    def measured(self) -> bool:
        """Whether it is just known how long a step takes."""
        return self._steps in _MEASURED

    def step(self) -> None:
        """A step ended."""
        self._steps += 1
        if self._steps == _UNTYPICAL:
            self._first = time.monotonic()

    def seconds(self, steps: int) -> float:
        """How long so many steps will take, with the validations between them so far."""
        typical = max(1, self._steps - _UNTYPICAL)
        return steps * (time.monotonic() - self._first) / typical

    def steps(self, most: int) -> int | None:
        """For how many steps there is time, at most `most`; None without a limit."""
        if self.room is None:
            return None
        if self.over:
            return 0
        if self._steps <= _UNTYPICAL:
            return None
        left = self.room - self.elapsed
        return max(0, min(most, int(left / max(1e-9, self.seconds(1)))))
