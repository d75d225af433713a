"""Commands in several processes that work together, as torchrun starts them."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from pathlib import Path

from k3m_kg.cli.app import main
from tests.processes import HANG


def run_forked(arguments: list[str], log: Path, size: int = 2) -> None:
    """Run `k3m-kg ARGUMENTS` in some forks of this process; all must end well.

    They need not import torch again. Not where threads of this process may hold what a fork would
    wait for. What they say is in files beside `log`, which `said` reads.
    """
    fork = multiprocessing.get_context("fork")
    started = [fork.Process(target=_forked, args=(arguments, log, place)) for place in places(size)]
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


def said(log: Path, where: str) -> str:
    """What was said: `out0` is the standard output of the first, `err1` the errors of the next."""
    return log.with_suffix(f".{where}").read_text()


def places(size: int) -> list[dict[str, str]]:
    """What torchrun tells each process: variables of its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(size),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        for rank in range(size)
    ]
