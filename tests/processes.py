"""Child processes: waited for, interrupted or killed at a chosen place, never after some time."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, AnyStr

HANG = 300.0
"""Seconds after which something that takes some seconds hangs, on the busiest machine too."""


def hear_ctrl_c() -> None:
    """For `preexec_fn`: a job in the background of a script is started with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended(process: subprocess.Popen[AnyStr]) -> tuple[int, AnyStr, AnyStr]:
    """Its status, and what it and those that it started said, once all of them have ended.

    Raises:
        AssertionError: they hang, or what they were started as is gone and they are not.
    """
    try:
        out, err = process.communicate(timeout=HANG)
    except subprocess.TimeoutExpired as error:
        process.kill()
        state = "it hangs" if process.wait() == -signal.SIGKILL else "what it started hangs"
        raise AssertionError(f"{state}: {error.cmd}, after it said {error.stderr!r}") from None
    return process.returncode, out, err


@contextmanager
def no_hang() -> Iterator[None]:
    """For what takes less than a second here, and hours where it is wrong.

    Raises:
        AssertionError: it hangs.
    """

    def bite(*_: object) -> None:
        raise AssertionError(f"it takes more than {HANG:g} s")

    before = signal.signal(signal.SIGALRM, bite)
    signal.setitimer(signal.ITIMER_REAL, HANG)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def killed_at(place: str, nth: int) -> Iterator[None]:
    """The process is killed when it calls `module:name` for the nth time."""
    module, _, path = place.partition(":")
    *holders, name = path.split(".")
    holder: Any = import_module(module)
    for part in holders:
        holder = getattr(holder, part)
    inner, calls = getattr(holder, name), 0

    def injected(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(*arguments, **options)

    setattr(holder, name, injected)
    yield


INJECT = """
def inject(place, nth, number):
    import os
    from importlib import import_module
    module, _, path = place.partition(":")
    *holders, name = path.split(".")
    holder = import_module(module)
    for part in holders:
        holder = getattr(holder, part)
    inner, left = getattr(holder, name), [nth]
    def injected(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), number)
        return inner(*arguments, **options)
    setattr(holder, name, injected)
"""
"""A function in a program: the process gets a signal when it calls `module:name` for the nth time,
or never."""

AT = (
    INJECT
    + """
import sys
inject(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
sys.argv[1:] = sys.argv[4:]
from k3m_kg.cli.app import main
main()
"""
)
"""For `python -c`: `module:name nth signal arguments...` runs `k3m-kg arguments...`, which
gets the signal, see `INJECT`."""
