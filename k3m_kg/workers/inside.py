"""What a worker does first, and how it answers.

It answers on standard output with messages, each with its length in eight bytes before it, as
`marshal` writes plain data: (kind, content), where the kind is the task's own, and last
("end", None), ("error", its parts), ("bug", the traceback) or ("panic", what native code said). It
ends when its standard input does: that is when the other process is gone. A task that is fed reads
that input first: pieces, each with its length before it, and a length of 0.
"""

from __future__ import annotations

import importlib
import marshal
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from k3m_kg import errors
from k3m_kg.errors import K3MError

OUT_OF_MEMORY = 77
"""The exit status of a worker that met its limit and could still say so."""
_PROCESSORS = 4
"""Native libraries start a thread for each, with a stack and an arena of its own: on a machine of
64 these alone would take more than many limits of memory."""


class Answer:
    """Where a task sends its messages."""

    def __init__(self, out: Any, seconds: float | None = None) -> None:
        self._out = out
        self._seconds = seconds

    def send(self, kind: str, content: Any) -> None:
        """Send one message of plain data.

        Raises:
            BrokenPipeError: nobody listens any more.
        """
        self.send_packed(packed(kind, content))

    def send_packed(self, content: bytes) -> None:
        """Send what `packed` made."""
        for part in (len(content).to_bytes(8, "little"), content):
            left = memoryview(part)
            while left:
                left = left[self._out.write(left) :]

    def fed(self) -> Iterator[bytes]:
        """What the other process feeds to a task that is fed, piece by piece, to the end."""
        while size := int.from_bytes(_exactly(8), "little"):
            yield _exactly(size)
        _watch()

    def renew(self) -> None:
        """The time begins anew; the other side's does when it says so too."""
        if self._seconds is not None:
            # In case the other process is gone: it looks at the time itself, and kills.
            signal.alarm(math.ceil(self._seconds) + 5)


def packed(kind: str, content: Any) -> bytes:
    """A message."""
    try:
        return marshal.dumps((kind, content))
    except ValueError:  # subclasses of str
        return marshal.dumps((kind, _plain(content)))


def _plain(content: Any) -> Any:
    if isinstance(content, str):
        return str(content)
    return type(content)(map(_plain, content)) if isinstance(content, (tuple, list)) else content


def _exactly(size: int) -> bytes:
    content = sys.stdin.buffer.read(size)
    if len(content) < size:
        os._exit(1)  # the other process is gone
    return content


def _watch() -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 1024):  # not sys.stdin: its lock would be in the way when Python ends
        pass
    os._exit(1)


def _narrow() -> None:
    """Leave it few of the processors that it may use; other workers begin with others."""
    if sys.platform == "linux":
        allowed = sorted(os.sched_getaffinity(0))
        first = os.getpid() % len(allowed)
        with suppress(OSError):
            os.sched_setaffinity(0, (allowed[first:] + allowed[:first])[:_PROCESSORS])


def _limit(memory: int, writes: int) -> None:
    """Let the kernel refuse memory beyond the limit, and large files; no dumps."""
    import resource

    sys.dont_write_bytecode = True  # Python takes a file that was cut off for the module
    limits = {
        "RLIMIT_DATA": memory,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": writes,
    }
    for name, limit in limits.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        _, most = resource.getrlimit(number)
        allowed = limit if most == resource.RLIM_INFINITY else min(limit, most)
        try:
            resource.setrlimit(number, (allowed, allowed))
        except (OSError, ValueError):  # a system that has the name only, such as macOS
            continue


def _known(error: K3MError) -> str:
    """The name of the error's class, or of the nearest of ours that it derives from."""
    return next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == errors.__name__)


def main(request: Mapping[str, Any]) -> NoReturn:
    """Do the one task that is asked for, and end.

    Args:
        request: `module` and `name` of the task, a function that takes an `Answer` and the
            `arguments`; `memory`, `seconds` and `writes` as in `Limits`; `fed` as in `Task`.
    """
    _narrow()
    _limit(request["memory"], request["writes"])
    if not request["fed"]:
        _watch()
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nothing that a library prints gets between the messages
    answer = Answer(out, request["seconds"])
    answer.renew()
    status = 0
    try:
        try:
            task = getattr(importlib.import_module(request["module"]), request["name"])
            task(answer, **request["arguments"])
            answer.send("end", None)
        except K3MError as error:
            answer.send("error", (_known(error), error.message, error.where, error.hint))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BrokenPipeError:
            raise
        except Exception:
            answer.send("bug", traceback.format_exc())
        except BaseException as error:  # such as a panic of Rust
            answer.send("panic", str(error))
    except BrokenPipeError:  # nobody is there to be told
        status = 1
    sys.stderr.flush()
    os._exit(status)  # without the end of what threads and native code would still do
