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

from k3m_kg.quality.promises import upper_bound
from k3m_kg.use.calibration.answers import ENOUGH
from k3m_kg.use.calibration.decided import DecidedAnswers
from k3m_kg.use.calibration.kept import Calibration, PropertyCalibration
from k3m_kg.use.completion.lacking import LEAST_APPLIES
from k3m_kg.use.completion.proposals import Proposal

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
        decided: proposals that people decided, of those that it accepts.
        decided_right: the share of them that is right, each counted for those like it.
    """

    probability: float
    questions: int
    accepted: int
    right: int
    applies: float = 1.0
    pooled: bool = False
    decided: int = 0
    decided_right: float = 0.0

    @property
    def reached(self) -> bool:
        """Whether anything may be accepted."""
        return self.accepted + self.decided > 0

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
            "decided": self.decided,
            "decided_precision": self.decided_right if self.decided else None,
        }


def least_count(precision: float) -> int:
    """How many answers, all right, prove a precision."""
    return max(1, math.ceil(math.log(_RISK) / math.log(precision)))


def lower_bound(right: float, count: float, risk: float = _RISK) -> float:
    """Clopper-Pearson: the true precision is lower with at most this risk.

    Counts may be effective ones (Korn and Graubard, 1998).
    """
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
    decided: DecidedAnswers | None = None,
) -> Threshold:
    """The threshold that accepts most, from the best answers of Q questions with known answers.

    What people decided about proposals counts beside them, as many answers as it is worth
    (effective number), and needs no guess whether the property applies. Where decisions alone show
    that less is right, nothing is accepted, whatever validation says.

    Args:
        probability_Q: of each answer.
        right_Q: whether it is.
        precision: that is wanted.
        lacking: as `mean_applies` takes it, of products without a known answer; where None,
            everything applies.
        decided: what people decided; None where they decided nothing.
    """
    proof = _Proof.of(probability_Q, right_Q, decided)
    counts = proof.counts_T
    applies_T = np.ones(len(counts))
    if lacking is not None:
        applies_T = mean_applies(proof.probability_T, *lacking)
    known_T, total_T = proof.known_T, np.maximum(1e-9, proof.known_T + proof.effective_T)
    mixed_T = (known_T * applies_T + proof.effective_T) / total_T
    # where not even right answers alone would prove it there is nothing to test
    possible = mixed_T * _RISK ** (1 / total_T) >= precision
    possible &= proof.probability_T >= LEAST_PROBABILITY
    size = len(probability_Q) + (0 if decided is None else len(decided.right_D))
    best, step = -1, max(1, size // _STEPS)
    first = int(counts[possible.argmax()]) if possible.any() else size + 1
    for start in _STARTS:
        wanted: float = start * first
        while wanted <= size:
            place = int(np.searchsorted(counts, wanted))
            share = proof.share_T[place] * proof.effective_T[place]
            bound = lower_bound(proof.right_T[place] + share, total_T[place])
            proved = bound * mixed_T[place]
            if not possible[place] or proved < precision or proof.denied(place, precision):
                break
            best = max(best, place)
            count = int(counts[place])
            wanted = min(count + step, size) if count < size else math.inf
    if best < 0:
        return Threshold(math.inf, len(probability_Q), 0, 0)
    return Threshold(
        float(proof.probability_T[best]),
        len(probability_Q),
        int(known_T[best]),
        int(proof.right_T[best]),
        float(applies_T[best]),
        decided=int(proof.decided_T[best]),
        decided_right=float(proof.share_T[best]),
    )


@dataclass(frozen=True, slots=True)
class _Proof:
    """What there is to prove each of T thresholds with: cumulative, the strictest first.

    Attributes:
        counts_T: answers from there on, known and decided.
        known_T, right_T: known answers, and those that are right.
        decided_T: decided proposals.
        effective_T: how many they count for.
        share_T: of them, weighted, those that are right.
    """

    probability_T: np.ndarray
    counts_T: np.ndarray
    known_T: np.ndarray
    right_T: np.ndarray
    decided_T: np.ndarray
    effective_T: np.ndarray
    share_T: np.ndarray

    @classmethod
    def of(
        cls, probability_Q: np.ndarray, right_Q: np.ndarray, decided: DecidedAnswers | None
    ) -> _Proof:
        nothing = np.empty(0)
        probability_D, right_D, weight_D = (
            (nothing, nothing, nothing)
            if decided is None
            else (decided.probability_D, decided.right_D, decided.weight_D)
        )
        probability_N = np.concatenate([probability_Q, probability_D])
        order = np.argsort(-probability_N, kind="stable")
        probability_N = probability_N[order]
        last = np.append(probability_N[1:] < probability_N[:-1], True)[: len(order)]
        at_T = np.flatnonzero(last)  # equal probabilities are accepted together

        def summed(of_Q: np.ndarray, of_D: np.ndarray) -> np.ndarray:
            found: np.ndarray = np.cumsum(np.concatenate([of_Q, of_D])[order])[at_T]
            return found

        none_Q, none_D = np.zeros(len(probability_Q)), np.zeros(len(probability_D))
        weight_T = summed(none_Q, weight_D)
        squares_T = summed(none_Q, weight_D**2)
        return cls(
            probability_N[at_T],
            at_T + 1,
            summed(none_Q + 1, none_D),
            summed(right_Q.astype(float), none_D),
            summed(none_Q, none_D + 1),
            weight_T**2 / np.maximum(squares_T, 1e-300),
            summed(none_Q, weight_D * right_D) / np.maximum(weight_T, 1e-300),
        )

    def denied(self, place: int, precision: float) -> bool:
        """Whether decisions alone show that less is right."""
        count = float(self.effective_T[place])
        return count > 0 and upper_bound(float(self.share_T[place]) * count, count) < precision


def thresholds(
    calibration: Calibration, precision: float, without: Container[str] = ()
) -> dict[str, Threshold]:
    """A threshold for every property that validation asks.

    Properties with too few questions to prove the precision alone, or fewer than `ENOUGH`, are
    taken together: it then holds for what they give together. Few that prove it in principle
    hardly ever do, as all of them must be right. `without` names properties that are not asked.
    """
    found, few, least = {}, [], max(least_count(precision), ENOUGH)
    items = {name: i for name, i in calibration.properties.items() if name not in without}
    for name, item in items.items():
        if len(item.right) + len(item.decided) < least:
            few.append(name)
        else:
            found[name] = _of([item], precision)
    if few:
        shared = replace(_of([items[name] for name in few], precision), pooled=True)
        found |= dict.fromkeys(few, shared)
    return {name: found[name] for name in items}


def _of(items: list[PropertyCalibration], precision: float) -> Threshold:
    """One threshold for some properties."""
    probability, right = _joined(items, "probability"), _joined(items, "right").astype(bool)
    lacking = None
    if any(item.lacking is not None for item in items):
        lacking = _joined(items, "lacking"), _joined(items, "applies")
    decided = DecidedAnswers(
        *(_joined(items, part) for part in ("decided", "decided_right", "decided_weight"))
    )
    return threshold(probability, right, precision, lacking, decided)


def _joined(items: list[PropertyCalibration], part: str) -> np.ndarray:
    return np.concatenate([np.asarray(getattr(item, part) or [], float) for item in items])


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
