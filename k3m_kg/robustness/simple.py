"""Simple models on what a trained one is shown, ready-made: linear, and gradient boosting.

Fitted once to whole train products, as a probe is, and asked in every cell. Inputs are those of the
linear models of `evaluate`: words, attributes, pictures and what frozen encoders give.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from k3m_kg.batches.split_questions import asked_triples, questions_of
from k3m_kg.config import Settings, validate_settings
from k3m_kg.contracts import Catalog, Scores
from k3m_kg.evaluation.baselines.choosing import inputs_of
from k3m_kg.evaluation.baselines.examples import MOST_CHECKED, drawn, training_examples
from k3m_kg.evaluation.baselines.linear import fit_linear
from k3m_kg.evaluation.baselines.links import Reading
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.evaluation.classification import classification_data
from k3m_kg.evaluation.measured import question_items
from k3m_kg.evaluation.settings import ClassificationSettings, LinkPredictionSettings
from k3m_kg.lpm.answer_index import places
from k3m_kg.lpm.link_ranks import rank_by_frequency, rank_property
from k3m_kg.lpm.questions import NO_PROPERTY, Triples, property_ids
from k3m_kg.robustness.settings import BOOSTING
from k3m_kg.use.open_model import OpenModel

_MOST_BOOSTED = 5_000
"""Examples that boosting sees."""
_MOST_CLASSES = 30
"""Classes that boosting tells apart, the commonest: it grows a tree for each in each round."""
_ROUNDS = 60
_DIRECTIONS = 64
"""Of sparse inputs: boosting reads their first singular vectors."""
_BEHIND = -1e4
_TOGETHER = 2_000


class _Fitted(Protocol):
    """Scores of K classes for what `Reading.matrices` gives of all inputs together."""

    @property
    def classes(self) -> np.ndarray:
        """(K,) ascending."""
        ...

    def logits(self, matrix: Any) -> np.ndarray:
        """(Q, K)."""
        ...


Fit = Callable[[tuple[Any, np.ndarray], tuple[Any, np.ndarray]], _Fitted]


@dataclass(frozen=True, slots=True)
class _Boosted:
    """Gradient boosting on dense columns.

    Attributes:
        model: of scikit-learn.
        directions: of sparse parts, as `_dense` fits them.
    """

    model: Any
    directions: list[Any]

    @property
    def classes(self) -> np.ndarray:
        """(K,) ascending."""
        found: np.ndarray = self.model.classes_
        return found

    def logits(self, matrix: Any) -> np.ndarray:
        """(Q, K) logarithms of probabilities."""
        columns, _ = _dense(matrix, self.directions)
        found: np.ndarray = np.log(self.model.predict_proba(columns) + 1e-12)
        return found


def _dense(matrix: Any, directions: list[Any] | None) -> tuple[np.ndarray, list[Any]]:
    """Parts side by side: of sparse ones their first singular vectors."""
    from sklearn.decomposition import TruncatedSVD

    found: list[np.ndarray] = []
    fitted: list[Any] = []
    for place, part in enumerate(matrix if isinstance(matrix, list) else [matrix]):
        if not sparse.issparse(part):
            found.append(np.asarray(part, np.float32))
            fitted.append(None)
            continue
        made = None if directions is None else directions[place]
        if directions is None and part.shape[1] > _DIRECTIONS < part.shape[0]:
            made = TruncatedSVD(_DIRECTIONS, random_state=0).fit(part)
        found.append(part.toarray() if made is None else made.transform(part))
        fitted.append(made)
    return np.concatenate(found, 1).astype(np.float32), fitted


def _fit_boosting(train: tuple[Any, np.ndarray], validation: tuple[Any, np.ndarray]) -> _Boosted:
    """Of the commonest classes; rounds end early by a tenth of the examples."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns, directions = _dense(train[0], None)
    labels = train[1]
    values, counts = np.unique(labels, return_counts=True)
    common = values[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]
    chosen = np.flatnonzero(np.isin(labels, common))
    if len(chosen) > _MOST_BOOSTED:
        chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:_MOST_BOOSTED])
    model = HistGradientBoostingClassifier(
        max_iter=_ROUNDS, max_leaf_nodes=15, early_stopping=len(chosen) > 500, random_state=0
    )
    return _Boosted(model.fit(columns[chosen], labels[chosen]), directions)


class SimpleModel(ABC):
    """A simple model that is fitted, for one task."""

    @abstractmethod
    def asked(self, view: OpenModel) -> Scores:
        """Whether it is right, item by item, as the task's evaluation asks."""


class _Labels(SimpleModel):
    """Item classification."""

    def __init__(self, fit: Fit, settings: Settings, opened: OpenModel, split: str) -> None:
        asked = validate_settings(ClassificationSettings, settings.model_dump(), "the task")
        self._data = classification_data(opened.batcher, asked.target, split)
        self._cut = opened.trained.validation.cut_title and self._data.asked != NO_PROPERTY
        self._target, self._split = asked.target, split
        view = _view(opened, self._cut)
        self._reading = _reading(opened, view)
        data = self._data
        labelled = Triples(data.train.rows, 0 * data.train.rows, data.train.labels)
        chosen = training_examples(labelled, [0])[0][0]
        validation = Triples(data.validation.rows, 0 * data.validation.rows, data.validation.labels)
        checked = drawn(validation, MOST_CHECKED)
        self._model = fit(
            (self._read(view, chosen.rows), chosen.values),
            (self._read(view, checked.rows), checked.values),
        )

    def asked(self, view: OpenModel) -> Scores:
        """By product."""
        test = classification_data(view.batcher, self._target, self._split).test
        logits_QK = self._model.logits(self._read(_view(view, self._cut), test.rows))
        said = self._model.classes[logits_QK.argmax(1)]
        right = (said == test.labels).astype(float)
        return Scores(test.rows, test.rows, right, np.zeros(len(test.rows), np.int64))

    def _read(self, view: View, rows: np.ndarray) -> Any:
        return _together(self._reading, view, Triples.each(rows, self._data.asked))


class _Links(SimpleModel):
    """Link prediction: a model for each property."""

    def __init__(self, fit: Fit, settings: Settings, opened: OpenModel, split: str) -> None:
        asked = validate_settings(LinkPredictionSettings, settings.model_dump(), "the task")
        self._properties, self._split = asked.properties, split
        view = _view(opened, opened.trained.validation.cut_title)
        self._reading = _reading(opened, view)
        questions, _, _ = questions_of(opened.batcher, split, self._properties)
        names = np.unique(questions.properties).tolist()
        examples, _ = training_examples(view.known, names)
        checked, wanted_E = asked_triples(opened.batcher, "validation")
        checked = checked[wanted_E]
        self._models: dict[int, _Fitted] = {}
        for name in names:
            mine = examples[name]
            if len(np.unique(mine.values)) > 1:
                some = drawn(checked.about(np.array([name])), MOST_CHECKED)
                self._models[name] = fit(
                    (_together(self._reading, view, mine), mine.values),
                    (_together(self._reading, view, some), some.values),
                )

    def asked(self, view: OpenModel) -> Scores:
        """By question: whether the true value comes first."""
        questions, truth, _ = questions_of(view.batcher, self._split, self._properties)
        questions = questions[np.lexsort((questions.rows, questions.properties))]
        catalog = view.batcher.catalog
        shown = _view(view, view.trained.validation.cut_title)
        first = [
            self._first(shown, questions.about(np.array([name])), truth.about(np.array([name])))
            for name in np.unique(questions.properties).tolist()
        ]
        items = question_items(catalog, questions)
        right = np.concatenate(first).astype(float)
        return Scores(items, questions.rows, right, questions.properties)

    def _first(self, view: View, questions: Triples, truth: Triples) -> np.ndarray:
        name, catalog = int(questions.properties[0]), view.catalog
        if name not in self._models:
            return rank_by_frequency(catalog, questions, truth).ranks[0].first_Q
        found = []
        for start in range(0, len(questions), _TOGETHER):
            block = questions[start : start + _TOGETHER]
            logits_QK = self._models[name].logits(_together(self._reading, view, block))
            scores = _Scored(catalog, name, self._models[name].classes, logits_QK)
            found.append(
                rank_property(scores, block, truth, name, catalog.candidates[name]).first_Q
            )
        return np.concatenate(found)


class _Scored:
    """Scores of a block's questions; values that a model does not tell lie behind, by frequency."""

    def __init__(
        self, catalog: Catalog, name: int, classes: np.ndarray, logits_QK: np.ndarray
    ) -> None:
        behind_C = np.log1p(catalog.counts[name]) + _BEHIND
        place_K = places(catalog.candidates[name], classes)
        scores_QC = np.repeat(behind_C[None].astype(np.float32), len(logits_QK), 0)
        scores_QC[:, place_K[place_K >= 0]] = logits_QK[:, place_K >= 0]
        self._scores_QC = torch.from_numpy(scores_QC)

    def __call__(self, rows: np.ndarray, columns: slice) -> Tensor:
        return self._scores_QC[torch.from_numpy(rows)][:, columns].clone()


_TASKS: dict[str, Callable[[Fit, Settings, OpenModel, str], SimpleModel]] = {
    "classification": _Labels,
    "link-prediction": _Links,
}


def answers(task: str) -> bool:
    """Whether simple models have an answer to an evaluation, by its name."""
    return task in _TASKS


def simple_model(
    name: str, task: str, settings: Settings, opened: OpenModel, split: str
) -> SimpleModel:
    """Fit one for a task of `evaluate`.

    Args:
        name: `linear` or `boosting`.
        task: the evaluation's name, to which it has an answer.
        settings: of the evaluation.
        opened: a trained model on the whole snapshot, which says what is shown.
        split: whose products will be asked.
    """
    return _TASKS[task](_fit_boosting if name == BOOSTING else fit_linear, settings, opened, split)


def _view(opened: OpenModel, cut_title: bool) -> View:
    catalog = opened.batcher.catalog
    hide = property_ids(catalog, opened.trained.validation.hide, "the model's validation")
    return View(opened.batcher, catalog, hide, cut_title=cut_title)


def _reading(opened: OpenModel, view: View) -> Reading:
    return Reading.fitted(inputs_of(view, opened.trained.sees), view)


def _together(reading: Reading, view: View, questions: Triples) -> Any:
    """All inputs side by side."""
    return reading.matrices(view, questions)[reading.names[-1]]
