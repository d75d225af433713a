"""What a run writes down as it goes: `metrics.jsonl`, and the loggers of its config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from k3m_kg.errors import ArtifactError
from k3m_kg.files import write_text
from k3m_kg.training.watching.loggers import ScalarLogger

METRICS = "metrics.jsonl"
SPEED = "speed"
"""What no two runs have in common stands apart from what they have."""


class TrainingLog:
    """Appends to the run's logs; on resume, lines after the checkpoint's step are dropped.

    Args:
        folder: the run's folder.
        step: steps already done.
        loggers: who is told the same.
    """

    def __init__(self, folder: Path, step: int, loggers: Sequence[ScalarLogger] = ()) -> None:
        path = folder / METRICS
        kept = [line for line in _lines(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept), ArtifactError)
        self._file = path.open("a", encoding="utf-8")
        self._loggers = loggers

    def step(self, step: int, metrics: Mapping[str, float], speed: Mapping[str, float]) -> None:
        """Losses and the like of one step, and what was measured since the last."""
        self._write({"step": step, **metrics} | ({SPEED: dict(speed)} if speed else {}))
        named = {f"train/{name}": value for name, value in metrics.items()}
        self._tell(named | {f"{SPEED}/{name}": value for name, value in speed.items()}, step)

    def validation(self, step: int, epoch: int, report: dict[str, Any]) -> None:
        """Metrics of one validation."""
        self._write({"step": step, "epoch": epoch, "validation": report})
        self._tell({f"validation/{name}": v for name, v in report["metrics"].items()}, step)

    def _tell(self, values: Mapping[str, float], step: int) -> None:
        for logger in self._loggers:
            logger.scalars(values, step)

    def _write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record) + "\n")

    def flush(self) -> None:
        """Everything so far is on disk."""
        self._file.flush()
        for logger in self._loggers:
            logger.flush()

    def close(self) -> None:
        """No more will come."""
        self._file.close()
        for logger in self._loggers:
            logger.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The records of a run's `metrics.jsonl`, in order."""
    return _lines(folder / METRICS)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except (ValueError, RecursionError):  # the line being written when the run was killed
            continue
    return lines
