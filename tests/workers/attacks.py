"""What workers are asked for in tests: tasks that take too much, crash, or lose their listener."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import Any

from k3m_kg.errors import UsageError
from k3m_kg.workers.inside import Answer


def echo(answer: Answer, *, values: list[Any]) -> None:
    for value in values:
        answer.send("value", value)


def forever(answer: Answer) -> None:
    answer.send("value", os.getpid())
    threading.Event().wait()


def much_memory(answer: Answer, *, size: int) -> None:
    answer.send("value", len(bytes(size)))


def much_answer(answer: Answer, *, size: int) -> None:
    answer.send("value", "x" * size)


def native_memory(answer: Answer) -> None:
    import pyoxigraph as ox

    nested = b'{"http://x/p":' * 2500 + b"1" + b"}" * 2500
    list(ox.parse(input=nested, format=ox.RdfFormat.JSON_LD))


def killed(answer: Answer, *, number: int) -> None:
    os.kill(os.getpid(), number)
    signal.pause()


def gives_up(answer: Answer, *, said: str) -> None:
    print("terminate called after throwing", said, sep="\n", file=sys.stderr, flush=True)
    os.abort()


def processors(answer: Answer) -> None:
    answer.send("value", len(os.sched_getaffinity(0)))


def fed_lengths(answer: Answer) -> None:
    for piece in answer.fed():
        answer.send("value", len(piece))


def ends_when_fed(answer: Answer) -> None:
    next(answer.fed())
    os.kill(os.getpid(), signal.SIGKILL)


def wrong(answer: Answer) -> None:
    raise UsageError("is wrong", where="here", hint="mend it")


def bug(answer: Answer) -> None:
    raise ZeroDivisionError


def panic(answer: Answer) -> None:
    class PanicException(BaseException):
        pass

    raise PanicException("index out of bounds")


def files(answer: Answer, *, path: str) -> None:
    try:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(bytes(2 << 20))
    except OSError as error:
        answer.send("value", error.strerror)


def imports(answer: Answer, *, folder: str, module: str) -> None:
    sys.path.insert(0, folder)
    answer.send("value", len(importlib.import_module(module).TEXT))
