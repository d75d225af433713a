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
        shown: `triples`, and modalities by name.
        trained: the snapshot that the model was trained on; None where it is gone.
        usual: as in `k3m_kg.contracts.Verdict`.
        progress: told of the models that are fitted.
    """

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
        return cls(shown, _trained_on(opened), usual, progress)

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
        models = (len(inputs) + (len(inputs) > 1)) * len(np.unique(questions.properties))
        return linear_ranks(inputs, trained, asked, questions, truth, self._fitted(models))

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
        progress = self._fitted(len(inputs) + (len(inputs) > 1))
        return linear_labels(inputs, view, asked, parts, progress)

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

    def _fitted(self, models: int) -> Advance:
        return counted(self.progress, "baselines", models)


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
