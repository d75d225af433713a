"""What a training keeps beside its artifact while it goes on: `<output>.run/`."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from k3m_kg.errors import ArtifactError, UsageError
from k3m_kg.files import sweep, write_errors

CHECKPOINTS = "checkpoint"
_WORKING = (CHECKPOINTS, "best", "assets")
"""What only a training that goes on needs; its logs stay."""


def run_folder(output: Path) -> Path:
    """Where the training whose artifact is `output` keeps what it needs to go on.

    Raises:
        UsageError: `output` is no name of a new folder, as `.`.
    """
    if output.name in ("", ".."):
        raise UsageError(
            "names no new folder", where=f"output: {output}", hint="choose a name, as models/first"
        )
    return output.with_name(f"{output.name}.run")


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Keep a run's folder to this process, and sweep what a killed one left in it.

    Raises:
        UsageError: another living process trains there.
        ArtifactError: it cannot be written.
    """
    with write_errors(run, ArtifactError):
        run.mkdir(parents=True, exist_ok=True)
        lock = os.open(run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                "another process trains here", where=str(run), hint="choose another `output`"
            ) from None
        except OSError:
            pass  # a file system without locks
        sweep(run)
        yield
    finally:
        os.close(lock)
        with suppress(OSError):
            run.rmdir()  # if nothing came of it


def clear(run: Path) -> None:
    """Remove what a finished training needs no more: its artifact is there, whole."""
    for name in _WORKING:
        shutil.rmtree(run / name, ignore_errors=True)
