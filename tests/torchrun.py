"""Commands in several processes that work together, as torchrun starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.processes import HANG


def run_together(arguments: list[str], log: Path, size: int = 2) -> None:
    """Run `k3m-kg ARGUMENTS` in each of some processes; all must end well.

    What they say is in files beside `log`, which `said` reads.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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


def _started(
    rank: int, size: int, port: int, arguments: list[str], log: Path, files: ExitStack
) -> subprocess.Popen[bytes]:
    place = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    out, err = (
        files.enter_context(log.with_suffix(f".{name}{rank}").open("wb")) for name in ("out", "err")
    )
    command = [sys.executable, "-m", "k3m_kg", *arguments]
    return subprocess.Popen(command, env=os.environ | place, stdout=out, stderr=err)
