"""Work to do on many hosts at once, but gently on each."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass


@dataclass(slots=True)
class Job:
    """A URL to fetch.

    Attributes:
        host: whose limits it falls under.
        tries: how often it was tried.
    """

    url: str
    host: str
    tries: int = 0


class HostQueue:
    """Jobs by host. Workers take from it; a host in turn, and each only as much as it may.

    Args:
        per_host: jobs of one host that may be under way at a time.
        capacity: jobs waiting or under way, beyond which `put` waits.
    """

    def __init__(self, per_host: int, capacity: int) -> None:
        self._per_host = per_host
        self._capacity = capacity
        self._changed = threading.Condition()
        self._ready: OrderedDict[str, deque[Job]] = OrderedDict()
        self._later: list[tuple[float, int, Job]] = []
        self._numbers = itertools.count()
        self._active: Counter[str] = Counter()
        self._paused: dict[str, float] = {}
        self._open = 0
        self._closed = False
        self._stopped = False

    def put(self, job: Job) -> None:
        """Add a job; waits while the queue is full. Nothing is taken in once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._open < self._capacity or self._closed)
            if not self._closed:
                self._open += 1
                self._add(job)
                self._changed.notify_all()

    def take(self) -> Job | None:
        """The next job, when there is one that may be done now; None: there will be no more."""
        with self._changed:
            while True:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._add(heapq.heappop(self._later)[2])
                if (job := self._next(now)) is not None:
                    self._active[job.host] += 1
                    return job
                if self._closed and not self._open:
                    return None
                self._changed.wait(self._until_next(now))

    def done(self, job: Job) -> None:
        """A job is over, well or not."""
        with self._changed:
            self._release(job)
            self._open -= 1
            self._changed.notify_all()

    def again(self, job: Job, seconds: float, *, pause_host: bool) -> None:
        """A job is to be tried again after a while; `pause_host`: no other of its host before."""
        with self._changed:
            self._release(job)
            if self._stopped:
                self._open -= 1
                self._changed.notify_all()
                return
            due = time.monotonic() + seconds
            heapq.heappush(self._later, (due, next(self._numbers), job))
            if pause_host:
                self._paused[job.host] = max(due, self._paused.get(job.host, due))
            self._changed.notify_all()

    def close(self) -> None:
        """There will be no more jobs; those that are there are still to be done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Forget every job that is not under way."""
        with self._changed:
            self._closed = self._stopped = True
            self._ready.clear()
            self._later.clear()
            self._open = self._active.total()
            self._changed.notify_all()

    def _add(self, job: Job) -> None:
        self._ready.setdefault(job.host, deque()).append(job)

    def _release(self, job: Job) -> None:
        self._active[job.host] -= 1
        if not self._active[job.host]:
            del self._active[job.host]

    def _next(self, now: float) -> Job | None:
        for host, jobs in self._ready.items():
            if self._active[host] >= self._per_host or self._paused.get(host, 0) > now:
                continue
            job = jobs.popleft()
            if jobs:
                self._ready.move_to_end(host)
            else:
                del self._ready[host]
            return job
        return None

    def _until_next(self, now: float) -> float | None:
        """Seconds until time alone makes a job ready; None: never."""
        due = [time for host, time in self._paused.items() if host in self._ready and time > now]
        if self._later:
            due.append(self._later[0][0])
        return max(0.0, min(due) - now) if due else None
