"""Linear models asked the questions of link prediction, ranked as the trained model is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.split_questions import asked_triples
from k3m_kg.contracts import Catalog
from k3m_kg.evaluation.baselines.examples import (
    MOST_CHECKED,
    MOST_PRODUCTS,
    drawn,
    training_examples,
)
from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.linear import Linear, fit_linear
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.answer_index import places
from k3m_kg.lpm.link_ranks import LinkRanks, rank_by_frequency, rank_property
from k3m_kg.lpm.questions import Triples
from k3m_kg.lpm.ranking import Ranks
from k3m_kg.lpm.softmax_regression import Part
from k3m_kg.progress import Advance

ALL = "all"
"""All inputs together."""
_QUESTIONS_AT_ONCE = 1 << 13
_BEHIND = -1e4
"""Scores of values without weights lie below any logit, by frequency."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Fitted inputs, each by itself and all side by side.

    Attributes:
        inputs: by name.
    """

    inputs: dict[str, Input]

    @classmethod
    def fitted(cls, inputs: dict[str, Input], trained: View) -> Reading:
        """Inputs fitted on training products; those that these have nothing of are left out."""
        rows = trained.snapshot.rows("train")
        if len(rows) > MOST_PRODUCTS:
            rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST_PRODUCTS])
        return cls({name: item for name, item in inputs.items() if item.fit(trained, rows)})

    @property
    def names(self) -> list[str]:
        """What `matrices` gives."""
        return [*self.inputs, *([ALL] if len(self.inputs) > 1 else [])]

    def matrices(self, view: View, questions: Triples) -> dict[str, list[Part]]:
        """What each input, and all together, show of some questions."""
        found = {name: [item.matrix(view, questions)] for name, item in self.inputs.items()}
        if len(found) > 1:
            found[ALL] = [part for (part,) in found.values()]
        return found


def linear_ranks(
    inputs: dict[str, Input],
    trained: View,
    asked: View,
    questions: Triples,
    truth: Triples,
    progress: Advance | None = None,
) -> tuple[dict[str, LinkRanks], list[str]]:
    """Fit a linear model per property and input, and rank the answers of all questions by each.

    Args:
        inputs: not yet fitted.
        trained: the snapshot that they are fitted on.
        asked: the snapshot that the questions are of.
        questions: by property.
        truth: all that is true of their products.
        progress: told of models, one per property and input.

    Returns:
        By input, the ranks in the order of `rank_by_frequency`; and in words what was left out.
    """
    reading = Reading.fitted(inputs, trained)
    catalog = asked.catalog
    names = np.unique(questions.properties).tolist()
    examples, notes = training_examples(trained.known, names)
    checked, wanted_E = asked_triples(trained.batcher, "validation")
    checked = checked[wanted_E]
    found: dict[str, list[Ranks]] = {name: [] for name in reading.names}
    for name in names:
        mine, true = (part.about(np.array([name])) for part in (questions, truth))
        models = _models(
            reading, trained, examples[name], drawn(checked.about(np.array([name])), MOST_CHECKED)
        )
        for key, ranks in found.items():
            if key not in models:
                ranks.append(rank_by_frequency(catalog, mine, true).ranks[0])
        parts: dict[str, list[Ranks]] = {key: [] for key in models}
        for block in _blocks(mine) if models else ():
            matrices = reading.matrices(asked, block)
            for key, model in models.items():
                logits_QK = torch.from_numpy(model.logits(matrices[key]))
                scores = _Scores(catalog, name, model, logits_QK)
                candidates = catalog.candidates[name]
                parts[key].append(rank_property(scores, block, true, name, candidates))
        for key, ranked in parts.items():
            found[key].append(Ranks.join(ranked))
        if progress:
            progress(len(found))
    labels = [catalog.properties[name] for name in names]
    return {key: LinkRanks(labels, ranks) for key, ranks in found.items()}, notes


def _models(
    reading: Reading, trained: View, examples: Triples, checked: Triples
) -> dict[str, Linear]:
    """One per input; none where all examples say the same."""
    if len(np.unique(examples.values)) < 2:
        return {}
    train = reading.matrices(trained, examples)
    validation = reading.matrices(trained, checked)
    return {
        key: fit_linear((train[key], examples.values), (validation[key], checked.values))
        for key in train
    }


def _blocks(questions: Triples) -> Iterator[Triples]:
    for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
        yield questions[start : start + _QUESTIONS_AT_ONCE]


class _Scores:
    """The scores of a block's questions, for the ranking."""

    def __init__(self, catalog: Catalog, name: int, model: Linear, logits_QK: Tensor) -> None:
        place_K = places(catalog.candidates[name], model.classes)
        known_K = np.flatnonzero(place_K >= 0)
        behind_C = np.log1p(catalog.counts[name]) + _BEHIND
        self._behind_C = torch.from_numpy(behind_C.astype(np.float32))
        self._logits_QK = logits_QK[:, torch.from_numpy(known_K)]
        self._place_K = torch.from_numpy(place_K[known_K])

    def __call__(self, rows: np.ndarray, columns: slice) -> Tensor:
        scores_NC = self._behind_C.repeat(len(rows), 1)
        scores_NC[:, self._place_K] = self._logits_QK[torch.from_numpy(rows)]
        return scores_NC[:, columns].clone()
