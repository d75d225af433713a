"""Commands in several processes that work together, as torchrun starts them."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from k3m_kg.cli.app import main
from tests.processes import HANG


def run_forked(arguments: list[str], log: Path, size: int = 2) -> None:
    """As `run_together`, in forks of this process: they need not import torch again.

    Not where threads of this process may hold what a fork would wait for.
    """
    fork = multiprocessing.get_context("fork")
    port = _free_port()
    started = [
        fork.Process(target=_forked, args=(arguments, log, _place(rank, size, port)))
        for rank in range(size)
    ]
    for one in started:
        one.start()
    try:
        for one in started:
            one.join(HANG)
        codes = [one.exitcode for one in started]
        assert codes == [0] * size, (codes, *(said(log, f"err{n}") for n in range(size)))
    finally:
        for one in started:
            one.kill()


def _forked(arguments: list[str], log: Path, place: dict[str, str]) -> None:
    os.environ |= place
    for stream, name in ((1, "out"), (2, "err")):
        path = log.with_suffix(f".{name}{place['RANK']}")
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), stream)
        setattr(sys, f"std{name}", os.fdopen(stream, "w"))
    sys.argv = ["k3m-kg", *arguments]
    try:
        main()
    except SystemExit as stop:
        os._exit(int(stop.code or 0))


def run_together(arguments: list[str], log: Path, size: int = 2) -> None:
    """Run `k3m-kg ARGUMENTS` in each of some processes; all must end well.

    What they say is in files beside `log`, which `said` reads.
    """
    port = _free_port()
    # Not forked: what this process's threads hold would be held in its children for ever.
    with ExitStack() as files:
        started = [_started(rank, size, port, arguments, log, files) for rank in range(size)]
        try:
            codes = [one.wait(HANG) for one in started]
            assert codes == [0] * size, (codes, *(said(log, f"err{n}") for n in range(size)))
        finally:
            for one in started:
                one.kill()
                one.wait()


def said(log: Path, where: str) -> str:
    """What was said: `out0` is the standard output of the first, `err1` the errors of the next."""
    return log.with_suffix(f".{where}").read_text()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _place(rank: int, size: int, port: int) -> dict[str, str]:
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _started(
    rank: int, size: int, port: int, arguments: list[str], log: Path, files: ExitStack
) -> subprocess.Popen[bytes]:
    place = _place(rank, size, port)
    out, err = (
        files.enter_context(log.with_suffix(f".{name}{rank}").open("wb")) for name in ("out", "err")
    )
    command = [sys.executable, "-m", "k3m_kg", *arguments]
    return subprocess.Popen(command, env=os.environ | place, stdout=out, stderr=err)
