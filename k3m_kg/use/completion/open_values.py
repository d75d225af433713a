"""Values that stand in a product's own texts, beside those that training knows.

`k3m_kg.spans` reads them off the texts; here its probabilities are calibrated on validation, kept
beside a model's weights, and merged with the model's: `P(v) = T(v) + T(none) M(v)`, where T is what
the texts say, and M what the model says of the values of training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from k3m_kg.progress import Advance
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.holdout import UNTRUE
from k3m_kg.snapshot.validation_parts import ValidationParts
from k3m_kg.spans.finding import value_key
from k3m_kg.spans.keeping import load_spans, save_spans
from k3m_kg.spans.scoring import SpanScorer, TextAnswers
from k3m_kg.use.completion.proposals import Place, Proposal

_BOUNDS = ((math.log(0.2), math.log(20.0)), (-5.0, 5.0))
_RIDGE = 0.5
"""Of temperature and bias: with few questions they stay what they were fitted to in training."""
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class OpenValues:
    """What a snapshot's texts say about properties, as probabilities.

    Attributes:
        scorer: reads spans.
        snapshot: whose training products it was fitted to; others may be asked about.
    """

    scorer: SpanScorer
    snapshot: str

    @classmethod
    def fit(cls, snapshot: Snapshot, progress: Advance | None = None) -> OpenValues:
        """Fitted to the training products, calibrated on the fitting part of validation."""
        scorer = SpanScorer.fit(snapshot, progress=progress)
        rows = snapshot.rows("validation")
        if len(rows):
            rows = ValidationParts.of(snapshot, rows).fitting(rows)
        scorer.temperature, scorer.bias = _calibrated(text_questions(scorer, snapshot, rows))
        return cls(scorer, snapshot.id)

    @classmethod
    def load(cls, artifact: Path) -> OpenValues | None:
        """Those that were kept beside a model's weights; None where there are none.

        Raises:
            ArtifactError: damaged.
        """
        kept = load_spans(artifact)
        return None if kept is None else cls(*kept)

    def save(self, artifact: Path) -> None:
        """Keep them beside a model's weights.

        Raises:
            K3MError: the folder cannot be written.
        """
        save_spans(self.scorer, artifact, self.snapshot)

    def merged(
        self, proposals: Iterable[Proposal], snapshot: Snapshot, top_k: int
    ) -> Iterator[Proposal]:
        """Proposals, those of one product and property together, with what its texts say.

        A value of training that was not among the model's proposals counts as if the model gave it
        nothing.

        Args:
            proposals: as `complete` gives them.
            snapshot: has the products.
            top_k: values per product and property.
        """
        for product, items in groupby(proposals, lambda item: item.product):
            found = None
            for name, group in groupby(items, lambda item: item.property):
                if name not in self.scorer.known:
                    yield from group
                    continue
                if found is None:
                    (row,) = snapshot.row_of([product]).tolist()
                    found = self.scorer.read(snapshot.product(row))
                answers = self.scorer.about(found, name)
                yield from _merged(list(group), answers, top_k)


def _merged(closed: list[Proposal], answers: TextAnswers, top_k: int) -> list[Proposal]:
    """The best of both, best first; values that both name are one."""
    share_T, none = answers.probability()
    found = {
        value_key(item.value): replace(item, probability=none * item.probability) for item in closed
    }
    for place in np.argsort(-share_T, kind="stable")[:top_k].tolist():
        span, share = answers.spans[place], closed[0].applies * float(share_T[place])
        where = Place(span.source.name, span.start, span.end)
        key = value_key(span.text)
        if key in found:
            other = found[key]
            found[key] = replace(other, probability=other.probability + share, place=where)
        else:
            found[key] = replace(
                closed[0],
                value=span.text,
                score=float(answers.logit_T[place]),
                probability=share,
                explanation=None,
                place=where,
                open=not bool(answers.known_T[place]),
            )
    return sorted(found.values(), key=lambda item: -item.probability)[:top_k]


@dataclass(frozen=True, slots=True)
class TextQuestion:
    """One question that texts were asked, and the truth.

    Attributes:
        row: of the product.
        name: the property.
        answers: what its texts say.
        right_T: bool, which of the candidates are true.
        keys: of the true values.
    """

    row: int
    name: str
    answers: TextAnswers
    right_T: np.ndarray
    keys: frozenset[str]


def text_questions(
    scorer: SpanScorer,
    snapshot: Snapshot,
    rows: np.ndarray,
    names: Sequence[str] = (),
    progress: Advance | None = None,
) -> Iterator[TextQuestion]:
    """The open properties that products have, asked of their texts.

    Args:
        scorer: reads them.
        snapshot: has the products.
        rows: the products.
        names: only these properties; all where empty.
        progress: told of products.
    """
    for row in rows.tolist():
        product = snapshot.product(row)
        truth: dict[str, set[str]] = {}
        for (name, value), mark in zip(product.properties, product.holdout, strict=True):
            if mark != UNTRUE and name in scorer.known and (not names or name in names):
                truth.setdefault(name, set()).add(value_key(value))
        spans = scorer.read(product) if truth else None
        for name, keys in truth.items():
            assert spans is not None
            answers = scorer.about(spans, name)
            right_T = np.array([value_key(text) in keys for text in answers.texts], bool)
            yield TextQuestion(row, name, answers, right_T, frozenset(keys))
        if progress:
            progress(1)


def _calibrated(questions: Iterable[TextQuestion]) -> tuple[float, float]:
    """The temperature and the bias of "none" with the greatest likelihood; 1 and 0 of nothing."""
    known = [
        (np.append(item.answers.logit_T, item.answers.none), item.right_T) for item in questions
    ]
    if not known:
        return 1.0, 0.0

    def loss(point: np.ndarray) -> float:
        total = 0.0
        for logits, right_T in known:
            scores = logits / math.exp(point[0])
            scores[-1] += point[1]
            share = np.exp(scores - scores.max())
            right = share[:-1][right_T].sum() if right_T.any() else share[-1]
            total -= math.log(max(_LEAST, float(right / share.sum())))
        return total + _RIDGE * float(point @ point)

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=_BOUNDS)
    return math.exp(float(found.x[0])), float(found.x[1])
