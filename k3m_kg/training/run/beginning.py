"""Whether a training may begin, go on, or is over."""

from __future__ import annotations

from pathlib import Path

from k3m_kg.errors import UsageError
from k3m_kg.training.artifact.layout import MANIFEST
from k3m_kg.training.run.checkpoint import Checkpoints
from k3m_kg.training.run.folder import CHECKPOINTS, clear


def is_over(output: Path, run: Path, resume: bool) -> bool:
    """Whether what is to be resumed has come to its end.

    Raises:
        UsageError: something is there that is not to be replaced.
    """
    if (output / MANIFEST).exists():
        if resume:
            clear(run)
            return True
        raise UsageError(
            "an artifact is already there", where=str(output), hint="choose another `output`"
        )
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError("exists and is no artifact", where=str(output))
    return False


def check_begun(run: Path, resume: bool) -> None:
    """Nothing, where a run can begin, or go on.

    Raises:
        UsageError: there is one that is not to be resumed, or none.
    """
    started = Checkpoints(run / CHECKPOINTS, 1).newest() is not None
    if started and not resume:
        raise UsageError(
            "an unfinished run is there",
            where=str(run),
            hint="--resume goes on with it; remove the folder to start again",
        )
    if resume and not started:
        raise UsageError("there is no checkpoint to resume", where=str(run))
