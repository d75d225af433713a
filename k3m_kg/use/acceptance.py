"""How sure is sure enough: the least probability at which a wanted precision is kept.

What a threshold promises is that a proposal's property applies and that its value is right. Whether
values are right is known of products that state the property, and proved; whether it applies to
those that do not state it nobody knows, so their mean probability stands in for it
(`k3m_kg.presence.estimate` says what that rests on). The precision of a threshold is the product.

A property's threshold is chosen on the proof part of validation, to which no temperature was fitted
(`k3m_kg.snapshot.validation_parts`), so that the precision of what it accepts is at least the
wanted one, with `CONFIDENCE`. Candidates are tried from the strictest on, and the first that fails
ends the search, so that looking at many of them costs no confidence (fixed sequence testing,
Angelopoulos et al., Learn then Test, 2021); three starting points share the risk (Bonferroni).
Each is tested by the exact binomial bound (Clopper and Pearson, 1934).
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import betaincinv

from k3m_kg.use.calibration import Calibration, PropertyCalibration
from k3m_kg.use.lacking import LEAST_APPLIES
from k3m_kg.use.proposals import Proposal

CONFIDENCE = 0.9
_STARTS = (1, 2, 4)
_RISK = (1 - CONFIDENCE) / len(_STARTS)
_STEPS = 20
LEAST_PROBABILITY = LEAST_APPLIES
"""No threshold is lower: of what hardly applies validation products were not asked."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What to accept of a property.

    Attributes:
        probability: accept from here on; more than 1 where nothing may be accepted.
        questions: those of the proof part that it was chosen on.
        accepted: how many of them it accepts.
        right: how many of those are right.
        applies: how probably the property applies where it would be proposed.
        pooled: chosen together with the other properties that have few questions.
    """

    probability: float
    questions: int
    accepted: int
    right: int
    applies: float = 1.0
    pooled: bool = False

    @property
    def reached(self) -> bool:
        """Whether anything may be accepted."""
        return self.accepted > 0

    def record(self) -> dict[str, Any]:
        """As it is written in JSON."""
        return {
            "threshold": self.probability if self.reached else None,
            "pooled": self.pooled,
            "validation_questions": self.questions,
            "validation_coverage": self.accepted / self.questions if self.questions else 0.0,
            "validation_precision": self.applies * self.right / self.accepted
            if self.accepted
            else None,
            "validation_applies": self.applies if self.accepted else None,
        }


def least_count(precision: float) -> int:
    """How many answers, all right, prove a precision."""
    return max(1, math.ceil(math.log(_RISK) / math.log(precision)))


def lower_bound(right: int, count: int, risk: float = _RISK) -> float:
    """Clopper-Pearson: the true precision is lower with at most this risk."""
    return float(betaincinv(right, count - right + 1, risk)) if right else 0.0


def mean_applies(
    thresholds_T: np.ndarray, lacking_U: np.ndarray, applies_U: np.ndarray
) -> np.ndarray:
    """(T,) how probably a property applies where products lack it and it would be proposed.

    One more is counted that just reaches the threshold, and applies no more probably than that:
    where few or none lack the property, the threshold is all that is known.

    Args:
        thresholds_T: probabilities from which on is proposed.
        lacking_U: the probabilities of what would be proposed to validation products.
        applies_U: of each, how probably the property applies; at least as probable.
    """
    order = np.argsort(-lacking_U, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(applies_U[order])])
    count_T = np.searchsorted(-lacking_U[order], -thresholds_T, side="right")
    found: np.ndarray = (total[count_T] + thresholds_T) / (count_T + 1)
    return found


def threshold(
    probability_Q: np.ndarray,
    right_Q: np.ndarray,
    precision: float,
    lacking: tuple[np.ndarray, np.ndarray] | None = None,
) -> Threshold:
    """The threshold that accepts most, from the best answers of Q questions with known answers.

    Args:
        probability_Q: of each answer.
        right_Q: whether it is.
        precision: that is wanted.
        lacking: as `mean_applies` takes it, of products without a known answer; where None,
            everything applies.
    """
    order = np.argsort(-probability_Q, kind="stable")
    probability_Q, right_Q = probability_Q[order], np.cumsum(right_Q[order])
    last = np.append(probability_Q[1:] < probability_Q[:-1], True)[: len(order)]
    counts = np.flatnonzero(last) + 1  # equal probabilities are accepted together
    applies_T = np.ones(len(counts))
    if lacking is not None:
        applies_T = mean_applies(probability_Q[counts - 1], *lacking)
    # where not even right answers alone would prove it there is nothing to test
    possible = applies_T * (_RISK ** (1 / np.maximum(counts, 1))) >= precision
    possible &= probability_Q[counts - 1] >= LEAST_PROBABILITY
    best, step = -1, max(1, len(order) // _STEPS)
    first = int(counts[possible.argmax()]) if possible.any() else len(order) + 1
    for start in _STARTS:
        wanted: float = start * first
        while wanted <= len(order):
            place = int(np.searchsorted(counts, wanted))
            count = int(counts[place])
            proved = lower_bound(int(right_Q[count - 1]), count) * applies_T[place]
            if not possible[place] or proved < precision:
                break
            best = max(best, place)
            wanted = min(count + step, len(order)) if count < len(order) else math.inf
    if best < 0:
        return Threshold(math.inf, len(order), 0, 0)
    count = int(counts[best])
    return Threshold(
        float(probability_Q[count - 1]),
        len(order),
        count,
        int(right_Q[count - 1]),
        float(applies_T[best]),
    )


def thresholds(
    calibration: Calibration, precision: float, without: Container[str] = ()
) -> dict[str, Threshold]:
    """A threshold for every property that validation asks.

    Properties with too few questions to prove the precision alone are taken together: it then
    holds for what they give together. `without` names properties that are not asked at all.
    """
    found, few = {}, []
    items = {name: i for name, i in calibration.properties.items() if name not in without}
    for name, item in items.items():
        if len(item.right) < least_count(precision):
            few.append(name)
        else:
            found[name] = _of([item], precision)
    if few:
        shared = replace(_of([items[name] for name in few], precision), pooled=True)
        found |= dict.fromkeys(few, shared)
    return {name: found[name] for name in items}


def _of(items: list[PropertyCalibration], precision: float) -> Threshold:
    """One threshold for some properties."""
    probability, right = (
        np.concatenate([getattr(item, part) for item in items]) for part in ("probability", "right")
    )
    if all(item.lacking is None for item in items):
        return threshold(probability, right.astype(bool), precision)
    lacking, applies = (
        np.concatenate([getattr(item, part) or [] for item in items])
        for part in ("lacking", "applies")
    )
    return threshold(probability, right.astype(bool), precision, (lacking, applies))


@dataclass(slots=True)
class Acceptor:
    """Lets through the best value of each question where it is sure enough.

    Attributes:
        thresholds: by property; a property without one gives nothing.
        asked, accepted: how many questions of each property there were.
    """

    thresholds: dict[str, Threshold]
    asked: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)

    def __call__(self, proposals: Iterable[Proposal]) -> Iterator[Proposal]:
        """Those of the proposals, one per product and property, that are accepted."""
        for item in proposals:
            self.asked[item.property] = self.asked.get(item.property, 0) + 1
            needed = self.thresholds.get(item.property)
            if needed is not None and item.probability >= needed.probability:
                self.accepted[item.property] = self.accepted.get(item.property, 0) + 1
                yield item

    def report(self) -> dict[str, dict[str, Any]]:
        """Per property how many were asked and accepted, and by which threshold."""
        none = Threshold(math.inf, 0, 0, 0)
        return {
            name: {
                "asked": asked,
                "accepted": self.accepted.get(name, 0),
                "coverage": self.accepted.get(name, 0) / asked,
            }
            | self.thresholds.get(name, none).record()
            for name, asked in self.asked.items()
        }
