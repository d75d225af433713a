"""How sure is sure enough: the least probability at which a wanted precision is kept.

A property's threshold is chosen on the proof part of validation, to which no temperature was fitted
(`k3m_kg.snapshot.validation_parts`), so that the precision of what it accepts is at least the
wanted one, with `CONFIDENCE`. Candidates are tried from the strictest on, and the first that fails
ends the search, so that looking at many of them costs no confidence (fixed sequence testing,
Angelopoulos et al., Learn then Test, 2021); three starting points share the risk (Bonferroni).
Each is tested by the exact binomial bound (Clopper and Pearson, 1934).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import betaincinv

from k3m_kg.use.calibration import Calibration
from k3m_kg.use.proposals import Proposal

CONFIDENCE = 0.9
_STARTS = (1, 2, 4)
_RISK = (1 - CONFIDENCE) / len(_STARTS)
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Threshold:
    """What to accept of a property.

    Attributes:
        probability: accept from here on; more than 1 where nothing may be accepted.
        questions: those of the proof part that it was chosen on.
        accepted: how many of them it accepts.
        right: how many of those are right.
        pooled: chosen together with the other properties that have few questions.
    """

    probability: float
    questions: int
    accepted: int
    right: int
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
            "validation_precision": self.right / self.accepted if self.accepted else None,
        }


def least_count(precision: float) -> int:
    """How many answers, all right, prove a precision."""
    return max(1, math.ceil(math.log(_RISK) / math.log(precision)))


def lower_bound(right: int, count: int, risk: float = _RISK) -> float:
    """Clopper-Pearson: the true precision is lower with at most this risk."""
    return float(betaincinv(right, count - right + 1, risk)) if right else 0.0


def threshold(probability_Q: np.ndarray, right_Q: np.ndarray, precision: float) -> Threshold:
    """The threshold that accepts most, from the best answers of Q questions with known answers."""
    order = np.argsort(-probability_Q, kind="stable")
    probability_Q, right_Q = probability_Q[order], np.cumsum(right_Q[order])
    last = np.append(probability_Q[1:] < probability_Q[:-1], True)[: len(order)]
    counts = np.flatnonzero(last) + 1  # equal probabilities are accepted together
    best, step = 0, max(1, len(order) // _STEPS)
    for start in _STARTS:
        wanted: float = start * least_count(precision)
        while wanted <= len(order):
            count = int(counts[np.searchsorted(counts, wanted)])
            if lower_bound(int(right_Q[count - 1]), count) < precision:
                break
            best = max(best, count)
            wanted = min(count + step, len(order)) if count < len(order) else math.inf
    if not best:
        return Threshold(math.inf, len(order), 0, 0)
    return Threshold(float(probability_Q[best - 1]), len(order), best, int(right_Q[best - 1]))


def thresholds(calibration: Calibration, precision: float) -> dict[str, Threshold]:
    """A threshold for every property that validation asks.

    Properties with too few questions to prove the precision alone are taken together: it then
    holds for what they give together.
    """
    found, few = {}, []
    for name, item in calibration.properties.items():
        if len(item.right) < least_count(precision):
            few.append(name)
        else:
            found[name] = threshold(np.array(item.probability), np.array(item.right), precision)
    if few:
        parts = [calibration.properties[name] for name in few]
        together = threshold(
            np.concatenate([part.probability for part in parts]),
            np.concatenate([part.right for part in parts]),
            precision,
        )
        shared = Threshold(
            together.probability, together.questions, together.accepted, together.right, True
        )
        found |= dict.fromkeys(few, shared)
    return {name: found[name] for name in calibration.properties}


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
