"""What a run writes down as it goes: TensorBoard scalars and `metrics.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from k3m_kg.errors import ArtifactError
from k3m_kg.files import write_text

METRICS = "metrics.jsonl"


class TrainingLog:
    """Appends to the run's logs; on resume, lines after the checkpoint's step are dropped.

    Args:
        folder: the run's folder.
        step: steps already done.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        path = folder / METRICS
        kept = [line for line in _lines(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept), ArtifactError)
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def step(self, step: int, metrics: dict[str, float], rate: float) -> None:
        """Losses and products per second of one step."""
        self._write({"step": step, **metrics})
        for name, value in metrics.items():
            self._board.add_scalar(f"train/{name}", value, step)
        self._board.add_scalar("train/products_per_second", rate, step)

    def validation(self, step: int, epoch: int, report: dict[str, Any]) -> None:
        """Metrics of one validation."""
        self._write({"step": step, "epoch": epoch, "validation": report})
        for name, value in report["metrics"].items():
            self._board.add_scalar(f"validation/{name}", value, step)

    def _write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record) + "\n")

    def flush(self) -> None:
        """Everything so far is on disk."""
        self._file.flush()
        self._board.flush()

    def close(self) -> None:
        """No more will come."""
        self._file.close()
        self._board.close()


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
