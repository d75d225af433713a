"""How fast a training goes, and how much of the hardware it uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch.utils.flop_counter import FlopCounterMode

from k3m_kg.training.loop.compiling import uncompiled

_T = TypeVar("_T")
_COUNTED = 3
"""The step whose operations are counted: the first ones are not typical."""
_GIB = 2**30


class Meter:
    """Measures the steps between two readings; `MEANINGS` says what.

    Args:
        peak: FLOP/s of one process's device at best, 0 if unknown.
        memory: bytes that tensors have taken at most.
        processes: how many take part; each is taken to do as much.
        clock: seconds.
    """

    def __init__(
        self,
        peak: float,
        memory: Callable[[], float],
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._peak, self._memory, self._processes = peak, memory, processes
        self._clock = clock
        self._steps = 0
        self._per_product = 0.0
        self.restart()

    def restart(self) -> None:
        """Measure from here; what was not read is forgotten."""
        self._began = self._clock()
        self._products = self._tokens = self._places = 0
        self._waited = 0.0

    def waiting_for(self, items: Iterable[_T]) -> Iterator[_T]:
        """The same items; the time until each is there counts as waiting."""
        iterator = iter(items)
        while True:
            asked = self._clock()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self._waited += self._clock() - asked
            yield item

    @contextmanager
    def counting(self, products: int) -> Iterator[None]:
        """One step over some products of this process: its operations are counted, once."""
        self._steps += 1
        if self._steps != _COUNTED or not self._peak:
            yield
            return
        with uncompiled(), FlopCounterMode(display=False) as counter:
            yield
        self._per_product = counter.get_total_flops() / products

    def step(self, products: int, tokens: int, places: int) -> None:
        """A step ended.

        Args:
            products: of all processes.
            tokens: of this process, without padding.
            places: of this process, with padding.
        """
        self._products += products
        self._tokens += tokens
        self._places += places

    def read(self) -> dict[str, float]:
        """What was measured since the last reading, by the names of `MEANINGS`."""
        seconds = max(self._clock() - self._began, 1e-9)
        rate = self._products / seconds
        filled = self._tokens / max(1, self._places)
        used = self._per_product * filled * rate / self._processes
        found = {
            "products_per_second": rate,
            "tokens_per_second": self._tokens * self._processes / seconds,
            "filled": filled,
            "mfu": used / self._peak if self._peak else 0.0,
            "waiting": self._waited / seconds,
            "memory_gib": self._memory() / _GIB,
        }
        self.restart()
        return found


MEANINGS = {
    "products_per_second": "products learned from, on all processes",
    "tokens_per_second": "tokens of all modalities and of the knowledge text, without padding",
    "filled": "share of the places for tokens that hold one",
    "mfu": "model FLOPs utilisation: floating point operations of forward and backward pass, "
    "counted in one step and taken times `filled`, as a share of the device's peak; 0 on hardware "
    "whose peak is not known, CPUs among it",
    "waiting": "share of the time in which the next batch was not ready",
    "memory_gib": "GiB of a GPU that tensors have taken at most so far",
}
"""What a training says of its speed."""
