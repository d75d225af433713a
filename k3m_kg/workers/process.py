"""Starting a worker, receiving its answers, and ending it, whatever it does."""

from __future__ import annotations

import json
import marshal
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from k3m_kg import errors
from k3m_kg.errors import K3MError
from k3m_kg.workers.inside import OUT_OF_MEMORY
from k3m_kg.workers.limits import Limits, shown, system_memory

_T = TypeVar("_T")
_ROOM = 1 << 20
_KEPT = 4096
_START = """
import json, sys
line = sys.stdin.buffer.readline()
if line.endswith(b"\\n"):
    request = json.loads(line)
    sys.path[:] = request["path"]
    from k3m_kg.workers.inside import main
    main(request)
"""
"""Without a whole line the other process is gone: nothing to do, and nobody to tell."""
_NO_MEMORY = (
    "memory allocation of",
    "bad_alloc",
    "MemoryError",
    "Cannot allocate memory",
    "mmap for RocksDB",
)
"""What native code says before it gives up."""
_NO_THREAD = (
    "Resource temporarily unavailable",
    "failed to spawn thread",
    "can't start new thread",
)
"""What it says where the system lets it have no more threads, or no room for their stacks."""
_SCARCE = (
    "end other programs, or raise what `ulimit -v` (memory), `-u` (processes) and `-n` (files) "
    "allow"
)
_CRASHED = (
    "the library that did the work crashed: what it was given is nested too deeply, damaged or "
    "hostile"
)
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is started for.

    Attributes:
        module: where the function is; one of ours, never from a file or an option.
        name: of the function, which takes an `inside.Answer` and the arguments.
        arguments: as JSON holds them.
        what: what messages call it, such as "the query".
        where: the place that errors name.
        error: the class of the errors that tell how it ended.
        if_slow: what to do if the time was too short.
        if_large: what to do if the memory was.
        after: what messages add of the consequences, such as "; nothing was kept".
        fed: whether it works on what `WorkerAnswers.feed` gives it, and ends after the last piece.
    """

    module: str
    name: str
    arguments: Mapping[str, Any]
    what: str
    where: str
    error: type[K3MError] = K3MError
    if_slow: str = "raise --timeout"
    if_large: str = "raise --memory"
    after: str = ""
    fed: bool = False


def can_start() -> bool:
    """Whether this interpreter can be started again: not in a program that holds it frozen."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


@contextmanager
def working(task: Task, limits: Limits) -> Iterator[WorkerAnswers]:
    """The answers of a worker, which ends with this context at the latest.

    Ctrl-C in a terminal is not for the worker: it is killed when the exception leaves this context.

    Raises:
        K3MError: what the task raises; or `task.error`: it took too long or too much memory,
            crashed or was killed.
        RuntimeError: the task has a bug.
    """
    request = {
        "path": list(map(str, sys.path)),
        "module": task.module,
        "name": task.name,
        "arguments": dict(task.arguments),
        "memory": limits.memory,
        "seconds": limits.seconds,
        "writes": limits.writes,
        "fed": task.fed,
    }
    process: subprocess.Popen[bytes] | None = None
    stdin: IO[bytes] | None = None
    with _started(task, tempfile.TemporaryFile) as said:
        try:
            process = _started(
                task,
                lambda: subprocess.Popen(  # noqa: S603
                    [sys.executable, *_flags(), "-P", "-c", _START],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    bufsize=0,
                    start_new_session=True,
                ),
            )
            assert process.stdout is not None
            # Of this frame, no more of the process, which outlives it where Ctrl-C comes before
            # `_end`: its input ends with the frame, and with that the worker.
            stdin, process.stdin = process.stdin, None
            assert stdin is not None
            _widen(process.stdout)
            with suppress(BrokenPipeError):  # what became of it is told when its answer is read
                _write(stdin, json.dumps(request).encode() + b"\n")
            yield WorkerAnswers(process, stdin, said, task, limits)
        finally:
            if process is not None:
                _end(process, stdin)


def _started(task: Task, start: Callable[[], _T]) -> _T:
    """What is needed to begin.

    Raises:
        K3MError: the system gives no more processes, files or memory.
    """
    try:
        return start()
    except OSError as error:
        raise task.error(
            f"no process for {task.what} can be started: {error.strerror or error}{task.after}",
            where=task.where,
            hint=_SCARCE,
        ) from None


class WorkerAnswers:
    """The messages of one worker, in order."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        stdin: IO[bytes],
        said: IO[bytes],
        task: Task,
        limits: Limits,
    ) -> None:
        assert process.stdout is not None
        self._process = process
        self._stdin = stdin
        self._stream = process.stdout
        self._said = said
        self._task = task
        self._limits = limits
        self._deadline: float | None = None
        self.renew()

    def renew(self) -> None:
        """The time begins anew."""
        if self._limits.seconds is not None:
            self._deadline = time.monotonic() + self._limits.seconds

    def feed(self, content: bytes) -> None:
        """Give it a piece to work on; an empty one is the last.

        Raises:
            K3MError: it has ended, and why.
        """
        try:
            _write(self._stdin, len(content).to_bytes(8, "little"))
            _write(self._stdin, content)
        except BrokenPipeError:
            for _ in self:
                pass
            raise self._ended() from None

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Kind and content of each message."""
        while True:
            size = int.from_bytes(self._exactly(8), "little")
            kind, message = marshal.loads(self._exactly(size))  # noqa: S302  # of our own process
            if kind == "error":
                name, text, where, hint = message
                raise getattr(errors, name)(text, where=where, hint=hint)
            if kind == "bug":
                raise RuntimeError(f"in the process for {self._task.what}:\n{message}")
            if kind == "panic":
                raise self._task.error(
                    f"{self._task.what} failed: {message[:300]}{self._task.after}",
                    where=self._task.where,
                    hint=_CRASHED,
                )
            if kind == "end":
                return
            yield kind, message

    def _exactly(self, size: int) -> bytearray:
        if size > self._limits.answer:
            raise self._task.error(
                f"{self._task.what} answers with more than {shown(self._limits.answer)} at once, "
                f"a quarter of its memory limit{self._task.after}",
                where=self._task.where,
                hint=self._task.if_large,
            )
        content = bytearray(size)
        left = memoryview(content)
        while left:
            self._wait()
            count = self._stream.readinto(left)  # type: ignore[attr-defined]
            if not count:
                raise self._ended()
            left = left[count:]
        return content

    def _wait(self) -> None:
        """Until there is something to read.

        Raises:
            K3MError: the time is over.
        """
        if self._deadline is None:
            return
        waiting = select.poll()
        waiting.register(self._stream, select.POLLIN)
        left = self._deadline - time.monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            raise self._task.error(
                f"{self._task.what} took longer than {self._limits.seconds:g} s and was stopped"
                f"{self._task.after}",
                where=self._task.where,
                hint=self._task.if_slow,
            )

    def _ended(self) -> K3MError:
        status = self._process.wait()
        said = _last_line(self._said)
        crashed = -status in _CRASHES
        if status == OUT_OF_MEMORY or (crashed and any(text in said for text in _NO_MEMORY)):
            return self._too_much_memory()
        if crashed and any(text in said for text in _NO_THREAD):
            return self._refused("threads")
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        hint = None
        if crashed:
            hint = _CRASHED
        elif -status == signal.SIGKILL:
            hint = "look whether memory ran out, and run again"
        elif -status == signal.SIGALRM:
            hint = self._task.if_slow
        if said and not crashed:
            how += f" ({said[:300]})"
        return self._task.error(
            f"{self._task.what} was ended {how}{self._task.after}",
            where=self._task.where,
            hint=hint,
        )

    def _too_much_memory(self) -> K3MError:
        if system_memory() < self._limits.memory:
            return self._refused("memory")
        return self._task.error(
            f"{self._task.what} needed more than {shown(self._limits.memory)} of memory "
            f"and was stopped{self._task.after}",
            where=self._task.where,
            hint=self._task.if_large,
        )

    def _refused(self, what: str) -> K3MError:
        return self._task.error(
            f"{self._task.what} was stopped: the system gives it no more {what}{self._task.after}",
            where=self._task.where,
            hint=_SCARCE,
        )


def _write(stream: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[stream.write(left) :]


def _end(process: subprocess.Popen[bytes], stdin: IO[bytes] | None) -> None:
    process.kill()
    for pipe in (stdin, process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def _last_line(said: IO[bytes]) -> str:
    """What it wrote to standard error, from the last lines."""
    end = said.seek(0, os.SEEK_END)
    said.seek(max(0, end - _KEPT))
    text = said.read().decode(errors="replace")
    signs = (*_NO_MEMORY, *_NO_THREAD)
    telling = [line for line in text.splitlines() if any(sign in line for sign in signs)]
    lines = telling or text.strip().splitlines()
    return lines[-1].strip() if lines else ""


def _widen(pipe: IO[bytes]) -> None:
    """Room for some messages, so that neither process waits for the other's next one."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _ROOM)
    except (ImportError, AttributeError, OSError):
        pass  # not on Linux, or the user's pipes have no room left: slower, and no worse


def _flags() -> list[str]:
    """The flags of this interpreter that say where modules come from."""
    flags = sys.flags
    given = {"-I": flags.isolated, "-E": flags.ignore_environment, "-s": flags.no_user_site}
    return [flag for flag, value in given.items() if value]
