"""Known answers to the questions that completion asks: what calibration and its check look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import asked_triples
from k3m_kg.contracts import LinkPredictor
from k3m_kg.lpm.questions import (
    WHOLE_PROPERTY,
    PropertyVectors,
    Triples,
    Visibility,
    answerable,
    asked_of,
)
from k3m_kg.lpm.ranking import SCORES_AT_ONCE, checked_scores
from k3m_kg.progress import Advance
from k3m_kg.use.completion.proposing import WhatApplies, everything_applies

QUESTIONS_KEPT = 2000
"""Of one property at most so many questions, drawn at random: enough to fit one number."""
ENOUGH = 50
"""With fewer questions a property shares what is fitted with others that have few."""


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """Q questions about one property, and what is true.

    Attributes:
        name: the property.
        scores_QC: of all values that the property takes in training.
        right_QC: bool, which of them are true; none where the true value is unseen in training.
        rows_Q: the products' rows in the snapshot.
        applies_Q: how probably the property applies, as if it were not stated.
    """

    name: str
    scores_QC: Tensor
    right_QC: Tensor
    rows_Q: np.ndarray
    applies_Q: np.ndarray

    def __len__(self) -> int:
        return len(self.scores_QC)

    @property
    def seen(self) -> int:
        """How many questions have an answer that training has seen."""
        return int(self.right_QC.any(1).sum())

    def some(self, chosen: np.ndarray) -> KnownAnswers:
        """A copy of the questions that are chosen, by bool (Q,) or by place."""
        mine = torch.from_numpy(chosen)
        return KnownAnswers(
            self.name,
            self.scores_QC[mine],
            self.right_QC[mine],
            self.rows_Q[chosen],
            self.applies_Q[chosen],
        )

    def first(self, count: int) -> KnownAnswers:
        """A copy of the first `count` questions."""
        return self.some(np.arange(min(count, len(self))))

    def best(self, temperature: float) -> tuple[np.ndarray, np.ndarray]:
        """How probable the best value of each question is, if any is, and whether it is true."""
        top = (self.scores_QC / temperature).softmax(1).max(1)
        right_Q = self.right_QC.gather(1, top.indices[:, None])[:, 0]
        return top.values.double().numpy(), right_Q.numpy()


def completion_questions(batcher: Batcher, split: str) -> tuple[Triples, Triples]:
    """The products and properties of a split whose values training never saw, and those values.

    A product and property is one question, however many values it has. Of training products it is
    one where all of the property's values are held out.

    Returns:
        The questions, by property, at most `QUESTIONS_KEPT` of each; all that is true of them.

    Raises:
        UsageError: nothing to ask.
    """
    catalog = batcher.catalog
    truth, wanted_E = asked_triples(batcher, split)
    width = len(catalog.properties)
    key_E = truth.rows * width + truth.properties
    key_Q, pair_E = np.unique(key_E, return_inverse=True)
    whole_Q = np.bincount(pair_E, weights=~wanted_E, minlength=len(key_Q)) == 0
    rows, names = np.divmod(key_Q[whole_Q], width)
    random, chosen = np.random.default_rng(0), []
    order = np.argsort(names, kind="stable")
    asked = answerable(catalog)
    ends = np.searchsorted(names[order], np.stack([asked, asked + 1]))
    for name, start, stop in zip(asked.tolist(), *ends.tolist(), strict=True):
        size = len(catalog.candidates[name])
        most = max(ENOUGH, min(QUESTIONS_KEPT, SCORES_AT_ONCE // size))
        chosen.append(random.permutation(order[start:stop])[:most])
    places = np.concatenate([*chosen, np.empty(0, np.int64)]).astype(np.int64)
    return Triples(rows[places], names[places], np.full(len(places), WHOLE_PROPERTY)), truth


def known_answers(
    predictor: LinkPredictor,
    batcher: Batcher,
    split: str,
    *,
    applies: WhatApplies = everything_applies,
    batch_size: int = 256,
    progress: Advance | None = None,
) -> Iterator[KnownAnswers]:
    """Ask what is known as completion asks what is missing, property after property.

    All of the property's triples are hidden; the title stays whole. `applies` as in completion.

    Raises:
        UsageError: nothing to ask.
        K3MError: the predictor gave NaN scores.
    """
    questions, truth = completion_questions(batcher, split)
    if not len(questions):
        return
    catalog, seen = batcher.catalog, Visibility(cut_title=False)
    vectors = PropertyVectors(predictor, batcher, int(questions.rows[0]))
    for name in np.unique(questions.properties).tolist():
        mine = questions[questions.properties == name]
        candidates = vectors(name)
        scores = []
        for heads in asked_of(
            predictor, batcher, mine, seen, batch_size=batch_size, progress=progress
        ):
            with torch.no_grad():
                scores.append(predictor.score(heads, candidates).cpu())
        right_QC = true_candidates(
            mine.rows, truth.about(np.array([name])), catalog.candidates[name]
        )
        scores_QC = checked_scores(torch.cat(scores))
        label = catalog.properties[name]
        applies_Q = applies(mine.rows, [label])[:, 0]
        yield KnownAnswers(label, scores_QC, right_QC, mine.rows, applies_Q)


def true_candidates(rows_Q: np.ndarray, truth: Triples, candidates: np.ndarray) -> Tensor:
    """(Q, C) bool: which candidates are true of Q different products, by `truth`."""
    right_QC = torch.zeros(len(rows_Q), len(candidates), dtype=torch.bool)
    order = np.argsort(rows_Q)
    place_E = np.minimum(np.searchsorted(rows_Q[order], truth.rows), len(rows_Q) - 1)
    question_E = order[place_E]
    column_E = np.minimum(np.searchsorted(candidates, truth.values), len(candidates) - 1)
    found_E = (rows_Q[question_E] == truth.rows) & (candidates[column_E] == truth.values)
    right_QC[question_E[found_E], column_E[found_E]] = True
    return right_QC
