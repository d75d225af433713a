"""A trained model and a snapshot, opened together: what every kind of use starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from k3m_kg.batches.batcher import Batcher, batcher_of
from k3m_kg.contracts import LinkPredictor, NoWords, TrainedPredictor
from k3m_kg.engine.device import pick_device
from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.precision import precision_of
from k3m_kg.errors import ArtifactError, UsageError, unknown_name
from k3m_kg.lpm.questions import Triples, Visibility, heads_of
from k3m_kg.progress import Advance, Progress
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.open_artifact import open_trained

ALL = "all"
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model at work on a catalog.

    Attributes:
        trained: the model with what it knows, of whatever kind.
        snapshot: a `k3m_kg.snapshot.Snapshot`: `titles` and `categories` (Arrow columns),
            `rows(split)`, `product(row)`; its products and their terms may be new to the model.
        batcher: makes batches of them.
        predictor: ranks the values of those products.
        whole: the same on the whole snapshot, where `snapshot` is a view that corrupts it.
    """

    trained: TrainedPredictor
    snapshot: Snapshot
    batcher: Batcher
    predictor: LinkPredictor
    whole: OpenModel | None = None

    @classmethod
    def of(
        cls,
        trained: TrainedPredictor,
        snapshot: Snapshot,
        progress: Progress | None = None,
        precision: str = "auto",
    ) -> OpenModel:
        """The model at work on any snapshot.

        Raises:
            ConfigError: no such precision.
        """
        encoder = trained.text_encoder or NoWords()
        batcher = batcher_of(
            snapshot, trained.catalog, encoder, trained.modalities, trained.sizes, progress
        ).to(trained.device)
        predictor = trained.build(snapshot.ids, batcher.catalog)
        predictor.precision = precision_of(precision, trained.precision, trained.device)
        return cls(trained, snapshot, batcher, predictor.eval())

    def on(self, view: Snapshot) -> OpenModel:
        """The same model on a view of its snapshot that corrupts it.

        The view has the same products and terms, so that the predictor is the same, and what was
        prepared of pictures and words serves again.
        """
        opened = {name: item.open(view) for name, item in self.trained.modalities.items()}
        batcher = Batcher(view, opened, self.batcher.settings, self.batcher.catalog)
        return replace(self, snapshot=view, batcher=batcher, whole=self)

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

    def vectors(
        self, rows: np.ndarray, *, batch_size: int = 256, progress: Advance | None = None
    ) -> np.ndarray:
        """(N, H) float32 vectors `c*` of products, without the triples that are held out.

        `progress` counts products.
        """
        questions, seen = Triples.each(rows), Visibility(cut_title=False)
        blocks = heads_of(
            self.predictor, self.batcher, questions, seen, batch_size=batch_size, progress=progress
        )
        found = [head_BH.cpu().numpy() for head_BH in blocks]
        return np.concatenate(found) if found else np.empty((0, 0), np.float32)

    def unknown(self, rows: np.ndarray) -> int:
        """How many of some products a model that looks products up has no vector of."""
        known = self.trained.known_products
        return 0 if known is None else sum(self.snapshot.ids[r] not in known for r in rows.tolist())


def check_split(split: str, choices: tuple[str, ...] = _SPLITS) -> None:
    """Raise a UsageError, with the nearest name, unless `split` is one of `choices`."""
    if split not in choices:
        raise UsageError(unknown_name("split", split, choices), where="--split")


def open_model(
    path: Path,
    snapshot: Path | None,
    *,
    device: str = "auto",
    precision: str = "auto",
    ranks: bool = True,
    progress: Progress | None = None,
) -> OpenModel:
    """Open an artifact with a snapshot, by default the one it was trained on.

    Args:
        path: the artifact.
        snapshot: a snapshot or a folder of snapshots.
        device: `auto`, `cpu`, `cuda`, ...; of several processes each takes a GPU of its own.
        precision: `fp32`, `bf16`, or `auto`: on a GPU that of its training.
        ranks: whether the model must be able to rank values.
        progress: told how many pictures are prepared, and of how many.

    Raises:
        ArtifactError, SnapshotError, ConfigError, UsageError: what cannot be opened or used.
    """
    trained = open_trained(path, pick_device(device, ProcessPlace.of()))
    if ranks and not trained.ranks:
        raise ArtifactError(
            "this model was trained without the task lpm: it cannot rank values",
            where=str(path),
            hint="add lpm to the config's tasks, or use `embed`",
        )
    cut = Snapshot.open(trained.snapshot if snapshot is None else snapshot)
    if snapshot is None and cut.id != trained.snapshot_id:
        raise ArtifactError(
            "the snapshot that this model was trained on is no longer there",
            where=str(trained.snapshot),
            hint="name one with --snapshot",
        )
    return OpenModel.of(trained, cut, progress, precision)
