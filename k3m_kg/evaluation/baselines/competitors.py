"""Who is asked beside a trained model: set up once, then asked by each kind of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

import numpy as np

from k3m_kg.batches.batcher import Batcher
from k3m_kg.contracts import TRIPLES
from k3m_kg.errors import SnapshotError
from k3m_kg.evaluation.baselines.choosing import inputs_of
from k3m_kg.evaluation.baselines.classes import Labelled, linear_labels
from k3m_kg.evaluation.baselines.links import ALL, Reading, linear_ranks
from k3m_kg.evaluation.baselines.remembered import Remembered, as_arrays, as_ranks
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.link_ranks import LinkRanks
from k3m_kg.lpm.questions import Triples
from k3m_kg.lpm.softmax_regression import Part
from k3m_kg.progress import Advance, StageProgress, counted
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.open_model import OpenModel

MAJORITY = "majority"
_OTHERS = {MAJORITY: "the majority", ALL: "a linear model on all inputs"}
_ELSEWHERE = (
    "no linear models: the snapshot that the model was trained on is not there to fit them on"
)


def called(name: str) -> str:
    """A baseline as people call it."""
    return _OTHERS.get(name, f"a linear model on {name}")


@dataclass(frozen=True, slots=True)
class Competitors:
    """Linear models on what a trained model is shown, fitted to what it was trained on.

    Attributes:
        weights: the digest of the model's, which also says what its encoders read.
        shown: `triples`, and modalities by name.
        trained: the snapshot that the model was trained on; None where it is gone.
        usual: as in `k3m_kg.contracts.Verdict`.
        progress: told of the models that are fitted.
    """

    weights: str
    shown: frozenset[str]
    trained: Batcher | None
    usual: bool
    progress: StageProgress

    @classmethod
    def of(
        cls, opened: OpenModel, without: Collection[str], progress: StageProgress, *, usual: bool
    ) -> Competitors:
        """Those of an opened model, of which some parts of products are hidden.

        A model that looks products up was trained on triples: so are its competitors.
        """
        shown = frozenset(opened.trained.sees or (TRIPLES,)) - set(without)
        return cls(opened.trained.weights, shown, _trained_on(opened), usual, progress)

    def link_ranks(
        self,
        batcher: Batcher,
        questions: Triples,
        truth: Triples,
        hide: np.ndarray,
        *,
        cut_title: bool,
    ) -> tuple[dict[str, LinkRanks], list[str]]:
        """As `linear_ranks`, each question shown as the model is shown it."""
        if self.trained is None:
            return {}, [_ELSEWHERE]
        asked = View(batcher, batcher.catalog, hide, cut_title=cut_title)
        trained = asked
        if self.trained is not batcher:
            trained = View(self.trained, batcher.catalog, hide, cut_title=cut_title)
        inputs = inputs_of(asked, self.shown)
        candidates = batcher.catalog.candidates
        names, counts = np.unique(questions.properties, return_counts=True)
        before = self._remembered(
            batcher,
            "link ranks",
            hide,
            f"{self.trained.snapshot.id} {cut_title}",
            *_columns(questions),
            *_columns(truth),
            *(candidates[name] for name in names.tolist()),
        )
        if (kept := before.read()) is not None:
            labels = [batcher.catalog.properties[name] for name in names.tolist()]
            ranks = as_ranks(kept[0], labels, counts)
            if ranks is not None:
                return ranks, kept[1]
        models = (len(inputs) + (len(inputs) > 1)) * len(names)
        found, notes = linear_ranks(inputs, trained, asked, questions, truth, self._fitted(models))
        before.write(as_arrays(found), notes)
        return found, notes

    def labels(
        self,
        batcher: Batcher,
        asked: int,
        hide: np.ndarray,
        parts: tuple[Labelled, Labelled, Labelled],
        *,
        cut_title: bool,
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """As `linear_labels`: fitted to the snapshot that is asked, as the model's probe is."""
        view = View(batcher, batcher.catalog, hide, cut_title=cut_title)
        inputs = inputs_of(view, self.shown)
        given = [array for part in parts for array in part]
        before = self._remembered(batcher, f"labels {asked} {cut_title}", hide, *given)
        asked_for, (_, train_labels) = len(parts[2][0]), parts[0]
        if (kept := before.read()) is not None:
            known = np.isin(np.concatenate([[], *kept[0].values()]), train_labels).all()
            if known and all(labels.shape == (asked_for,) for labels in kept[0].values()):
                return kept
        progress = self._fitted(len(inputs) + (len(inputs) > 1))
        found, notes = linear_labels(inputs, view, asked, parts, progress)
        before.write({name: labels.astype(np.int64) for name, labels in found.items()}, notes)
        return found, notes

    def reading(
        self, batcher: Batcher, hide: np.ndarray, *, cut_title: bool
    ) -> Callable[[Triples], dict[str, list[Part]]]:
        """What linear models read of products: (Q, F) each, by input, and all of them as `all`.

        What each column is was learned from the train products, where the model was trained.
        """
        asked = View(batcher, batcher.catalog, hide, cut_title=cut_title)
        trained = asked
        if self.trained is not None and self.trained is not batcher:
            trained = View(self.trained, batcher.catalog, hide, cut_title=cut_title)
        return partial(Reading.fitted(inputs_of(asked, self.shown), trained).matrices, asked)

    def _remembered(self, batcher: Batcher, *parts: str | np.ndarray) -> Remembered:
        told = f"{self.weights} {' '.join(sorted(self.shown))}"
        return Remembered(batcher.snapshot, told, *parts)

    def _fitted(self, models: int) -> Advance:
        return counted(self.progress, "baselines", models)


def _columns(triples: Triples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return triples.rows, triples.properties, triples.values


def _trained_on(opened: OpenModel) -> Batcher | None:
    """The snapshot that a model was trained on, which need not be the one it is opened on."""
    trained = opened.trained
    home = opened.whole or opened
    if home.snapshot.id == trained.snapshot_id:
        return home.batcher
    try:
        found = Snapshot.open(trained.snapshot)
    except SnapshotError:
        return None
    return OpenModel.of(trained, found).batcher if found.id == trained.snapshot_id else None
