"""One number that scores are divided by: what minimises the likelihood's negative logarithm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.optimize import minimize_scalar

from k3m_kg.use.calibration.answers import KnownAnswers
from k3m_kg.use.calibration.honesty import reliability

_COLDEST, _HOTTEST = 0.2, 20.0
_SUREST = -30.0
"""The log-probability of what the scores hold to be impossible."""


def negative_log_likelihood(answers: Iterable[KnownAnswers], temperature: float) -> float:
    """Of a true value, the mean over the questions whose answer training has seen; NaN of none."""
    total, count = _likelihood(answers, temperature)
    return total / count if count else math.nan


def _losses(answers: Iterable[KnownAnswers], temperature: float) -> np.ndarray:
    """(2,) negative log-likelihoods over all questions.

    That of the answers, of which one unseen in training says that the best value is wrong; and that
    of best values being right or wrong, which is what a probability is read as.
    """
    answer = best = 0.0
    for part in answers:
        log_QC = (part.scores_QC.double() / temperature).log_softmax(1)
        top_Q = log_QC.max(1)
        rest_QC = log_QC.scatter(1, top_Q.indices[:, None], -math.inf)
        wrong_Q = rest_QC.logsumexp(1).clamp(min=_SUREST)
        true_Q = log_QC.masked_fill(~part.right_QC, -math.inf).logsumexp(1)
        seen_Q = part.right_QC.any(1)
        right_Q = part.right_QC.gather(1, top_Q.indices[:, None])[:, 0]
        answer -= float(true_Q.where(seen_Q, wrong_Q).sum())
        best -= float(top_Q.values.where(right_Q, wrong_Q).sum())
    return np.array([answer, best])


def _likelihood(answers: Iterable[KnownAnswers], temperature: float) -> tuple[float, int]:
    """The sum of negative log-likelihoods, and over how many questions."""
    total, count = 0.0, 0
    for part in answers:
        seen_Q = part.right_QC.any(1)
        log_QC = (part.scores_QC[seen_Q] / temperature).log_softmax(1)
        right_Q = log_QC.masked_fill(~part.right_QC[seen_Q], -math.inf).logsumexp(1)
        total -= float(right_Q.double().sum())
        count += int(seen_Q.sum())
    return total, count


def fit_temperature(answers: list[KnownAnswers]) -> float:
    """The temperature with the least negative log-likelihood, 1 where there is nothing to fit."""
    if not any(map(len, answers)):
        return 1.0
    found = minimize_scalar(
        lambda log: _losses(answers, math.exp(log))[0],
        bounds=(math.log(_COLDEST), math.log(_HOTTEST)),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return math.exp(float(found.x))


def temperature_if_better(one: list[KnownAnswers], other: list[KnownAnswers]) -> float:
    """The temperature of both halves together; 1 where that of one half does not help the other.

    It helps where both likelihoods rise and the calibration error does not. With few questions a
    handful that are surely wrong can decide the likelihoods: all others would be made too modest.
    """
    halves = ((other, fit_temperature(one)), (one, fit_temperature(other)))
    identity = ((one, 1.0), (other, 1.0))
    fitted_losses, losses = (
        sum((_losses(*half) for half in by), np.zeros(2)) for by in (halves, identity)
    )
    better = (fitted_losses < losses).all() and _error(halves) <= _error(identity)
    return fit_temperature([*one, *other]) if better else 1.0


def _error(halves: Sequence[tuple[list[KnownAnswers], float]]) -> float:
    """The expected calibration error of best values, each half at its temperature."""
    found = [part.best(temperature) for answers, temperature in halves for part in answers]
    probability_Q, right_Q = (np.concatenate(column) for column in zip(*found, strict=True))
    return float(reliability(probability_Q, right_Q)["ece"])
