"""The time that a training may take, and what its first steps say of the rest."""

from __future__ import annotations

import time

_UNTYPICAL = 2
"""First steps, in which memory is claimed and kernels are chosen."""
_MEASURED = (10, 30, 100, 300)
"""Steps after which the rest is planned anew, as after every epoch."""
_RESERVED = 0.08
"""Share of the budget for the last validation and for writing the artifact."""


class TimeBudget:
    """Wall time of one process, from its beginning.

    Args:
        minutes: of preparation and training; None is without end.

    Attributes:
        spent: seconds that earlier processes of the same training took.
    """

    def __init__(self, minutes: float | None) -> None:
        self.limit = None if minutes is None else 60 * minutes
        self.spent = 0.0
        self._began = time.monotonic()
        self._steps = 0
        self._first = self._began

    @property
    def elapsed(self) -> float:
        """Seconds of the training so far."""
        return self.spent + time.monotonic() - self._began

    @property
    def over(self) -> bool:
        """Whether there is time for no further step."""
        return self.limit is not None and self.elapsed >= self.limit * (1 - _RESERVED)

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
        if self.limit is None:
            return None
        if self.over:
            return 0
        if self._steps <= _UNTYPICAL:
            return None
        left = self.limit * (1 - _RESERVED) - self.elapsed
        return max(0, min(most, int(left / max(1e-9, self.seconds(1)))))
