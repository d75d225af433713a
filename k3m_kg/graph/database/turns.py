"""Whose turn it is to write, among the threads of one process.

A database lets one writer in at a time, and who finds it taken asks again after a while: with
twenty of them in one process the next one is found late, and by luck. Here they stand in line, and
the next one is told at once; a connection is taken when it is one's turn, not while waiting.
"""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()
        self._taken = False

    def take_now(self) -> bool:
        """Take it if it is free."""
        with self._lock:
            if self._taken:
                return False
            self._taken = True
            return True

    def take(self, patience: float) -> bool:
        """Wait for one's turn, at most so many seconds; whether it came."""
        mine = threading.Event()
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            self._line.append(mine)
        if mine.wait(patience):
            return True
        with self._lock:
            if mine.is_set():  # it came in this moment
                return True
            self._line.remove(mine)
            return False

    def give(self) -> None:
        """Pass it on."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._taken = False
