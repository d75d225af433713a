"""Commands in several processes that work together, as torchrun starts them."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from pathlib import Path

from k3m_kg.cli.app import main
from tests.processes import HANG


def run_together(arguments: list[str], log: Path, size: int = 2) -> None:
    """Run `k3m-kg ARGUMENTS` in each of some processes; all must end well.

    What they say is in files beside `log`, which `said` reads.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    started = [
        fork.Process(target=_process, args=(rank, size, port, arguments, log))
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


def said(log: Path, where: str) -> str:
    """What was said: `out0` is the standard output of the first, `err1` the errors of the next."""
    return log.with_suffix(f".{where}").read_text()


def _process(rank: int, size: int, port: int, arguments: list[str], log: Path) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    for stream, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(log.with_suffix(f".{name}{rank}"), os.O_CREAT | os.O_WRONLY), stream)
        setattr(sys, f"std{name}", os.fdopen(stream, "w"))
    sys.argv = ["k3m-kg", *arguments]
    try:
        main()
    except SystemExit as stop:
        os._exit(int(stop.code or 0))
