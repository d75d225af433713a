"""An artifact and a snapshot, opened together: what every kind of use starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from k3m_kg.errors import ArtifactError, UsageError, unknown_name
from k3m_kg.model.batching import Batcher
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.artifact import Artifact
from k3m_kg.training.pretrain import pick_device

ALL = "all"
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Subject:
    """A model at work on a catalog.

    Attributes:
        artifact: the model, able to rank values.
        snapshot: the products; they and their terms may be new to the model.
        batcher: makes batches of them.
    """

    artifact: Artifact
    snapshot: Snapshot
    batcher: Batcher

    def rows(self, split: str = ALL) -> np.ndarray:
        """The rows of one split, or of all.

        Raises:
            UsageError: no such split, or nothing in it.
        """
        check_split(split, (ALL, *_SPLITS))
        rows = np.arange(len(self.snapshot)) if split == ALL else self.snapshot.rows(split)
        if not len(rows):
            raise UsageError("the snapshot has no such products", where=f"--split {split}")
        return rows


def check_split(split: str, choices: tuple[str, ...] = _SPLITS) -> None:
    """Raise a UsageError, with the nearest name, unless `split` is one of `choices`."""
    if split not in choices:
        raise UsageError(unknown_name("split", split, choices), where="--split")


def open_subject(
    path: Path,
    snapshot: Path | None,
    *,
    device: str = "auto",
    ranks: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Subject:
    """Open an artifact with a snapshot, by default the one it was trained on.

    Args:
        path: the artifact.
        snapshot: a snapshot or a folder of snapshots.
        device: `auto`, `cpu`, `cuda`, ...
        ranks: whether the model must be able to rank values.
        progress: told how many pictures are prepared, and of how many.

    Raises:
        ArtifactError, SnapshotError, ConfigError: what cannot be opened or used.
    """
    artifact = Artifact.load(path, pick_device(device))
    if ranks and not hasattr(artifact.model, "scorer"):
        raise ArtifactError(
            "this model was trained without the task lpm: it cannot rank values",
            where=str(path),
            hint="add lpm to the config's tasks, or use `embed`",
        )
    opened = Snapshot.open(artifact.config.snapshot if snapshot is None else snapshot)
    if snapshot is None and opened.id != artifact.snapshot_id:
        raise ArtifactError(
            "the snapshot that this model was trained on is no longer there",
            where=str(artifact.config.snapshot),
            hint="name one with --snapshot",
        )
    return Subject(artifact, opened, artifact.batcher(opened, progress))
