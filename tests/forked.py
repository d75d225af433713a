"""Workers that are forked from this process: they need not start Python for each of many inputs.

All else is as in the product: the kernel's limits, the pipes, the messages, how an end is told.
What they were seen to take is kept, so that the limit of memory is measured and not believed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from k3m_kg.workers import inside, process

most_memory: list[int] = [0]
"""Bytes of resident memory at most that a worker so far took beyond what it was forked with."""
busy: list[float] = [0.0]
"""Seconds of processor time after which a worker is ended, on a busy machine too; 0: never.
"""


class ForkedWorker:
    """As much of `subprocess.Popen` as `k3m_kg.workers.process` uses."""

    def __init__(self, command: list[str], *, stderr: IO[bytes], **_: Any) -> None:
        read, write = os.pipe(), os.pipe()
        self.returncode: int | None = None
        self.inherited = _resident()  # of this process: its pages count as the worker's too
        self.pid = os.fork()
        if not self.pid:
            try:
                self._begin(read[0], write[1], stderr.fileno())
            finally:
                os._exit(1)
        os.close(read[0])
        os.close(write[1])
        self.stdin: IO[bytes] | None = os.fdopen(read[1], "wb", buffering=0)
        self.stdout: IO[bytes] | None = os.fdopen(write[0], "rb", buffering=0)

    @staticmethod
    def _begin(stdin: int, stdout: int, stderr: int) -> None:
        os.setsid()
        for number, own in enumerate((stdin, stdout, stderr)):
            os.dup2(own, number)
        os.closerange(3, 256)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        signal.setitimer(signal.ITIMER_PROF, busy[0])
        sys.stdin = os.fdopen(0, closefd=False)
        line = sys.stdin.buffer.readline()
        if line.endswith(b"\n"):  # else the other process is gone
            inside.main(json.loads(line))

    def kill(self) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        if self.returncode is None:
            _, status, used = os.wait4(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
            own = (used.ru_maxrss << 10) - self.inherited
            most_memory[0] = max(most_memory[0], own)
        return self.returncode


def _resident() -> int:
    """Bytes of resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def fork_workers() -> None:
    """From here on workers are forked, where a system has all that this needs."""
    if sys.platform == "linux":
        vars(process)["subprocess"] = SimpleNamespace(Popen=ForkedWorker, PIPE=subprocess.PIPE)


@contextmanager
def forked_workers(seconds: float = 0.0) -> Iterator[None]:
    """Workers are forked meanwhile; each may be busy for some seconds."""
    fork_workers()
    busy[0] = seconds
    try:
        yield
    finally:
        vars(process)["subprocess"] = subprocess
        busy[0] = 0.0
