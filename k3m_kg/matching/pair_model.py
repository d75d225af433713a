"""The probability that two products are one, learned from known pairs and calibrated.

The pairs are told apart by the better of a logistic regression and a random forest. Both are first
fitted without a fifth of the families, five times, and asked about that fifth; what they say there
chooses between them, makes their log-odds probabilities (Platt 1999), and says how good they are.
P pairs, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from k3m_kg.errors import UsageError
from k3m_kg.matching.pair_models import fit_forest, fit_pairs

FEWEST = 10
"""Known right pairs, and wrong ones: fewer teach nothing."""
UNLEARNED = "likeness of words, values and pictures (the mean of cosines): no probability"
_FOLDS = 5
_EDGE = 1e-3
_BINS = 10

Judge = Callable[[np.ndarray], np.ndarray]
"""(P, F) features to (P,) log-odds, not calibrated."""


@dataclass(frozen=True, slots=True)
class PairFigures:
    """What probabilities of known pairs were worth, each asked of a model that had not seen it.

    Attributes:
        pairs, same: how many there were, and how many of them right.
        level: the probability from which on a pair is said to be the same.
        f1, precision, recall: at that level.
        best_level, best_f1: the level with the highest F1 on these pairs themselves.
        average_precision: over all thresholds.
        brier: the mean squared error of the probability.
        calibration_error: how far probability and share of right ones lie apart, in the mean over
            ten bins of equal size.
    """

    pairs: int
    same: int
    level: float
    f1: float
    precision: float
    recall: float
    best_level: float
    best_f1: float
    average_precision: float
    brier: float
    calibration_error: float

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PairModel:
    """Tells pairs apart.

    Attributes:
        name: what it is, in words.
        judge: gives log-odds.
        slope, offset: make them those of a probability.
        figures: what it was worth where it was asked of what it had not seen; None where nothing
            was known.
    """

    name: str
    judge: Judge
    slope: float = 1.0
    offset: float = 0.0
    figures: PairFigures | None = None

    @property
    def calibrated(self) -> bool:
        """Whether its probabilities were compared with known pairs."""
        return self.figures is not None

    def probabilities(self, features_PF: np.ndarray) -> np.ndarray:
        """(P,) that the two are one."""
        return _probability(self.slope * self.judge(features_PF) + self.offset)


def learned(features_PF: np.ndarray, same_P: np.ndarray, family_P: np.ndarray) -> PairModel:
    """A model of known pairs.

    Args:
        same_P: bool.
        family_P: pairs of one family are in one fold.

    Raises:
        UsageError: too few pairs of one kind.
    """
    right = int(same_P.sum())
    if min(right, len(same_P) - right) < FEWEST:
        raise UsageError(
            f"{right:,} right and {len(same_P) - right:,} wrong pairs are known: too few to learn "
            "from",
            hint=f"{FEWEST} of each, or none: then nothing is learned",
        )
    fold_P = _folds(family_P, same_P)
    fits = {"a logistic regression": _logistic, "a random forest": _forest}
    unseen = {name: _unseen(fit, features_PF, same_P, fold_P) for name, fit in fits.items()}
    name = max(unseen, key=lambda one: _average_precision(same_P, unseen[one]))
    slope, offset = _platt(unseen[name], same_P)
    # of each fold by the others: calibrated as the last one is
    asked = np.empty(len(same_P))
    for fold in range(_FOLDS):
        mine = fold_P == fold
        if mine.any():
            own = _platt(unseen[name][~mine], same_P[~mine])
            asked[mine] = _probability(own[0] * unseen[name][mine] + own[1])
    return PairModel(
        name,
        fits[name](features_PF, same_P),
        slope,
        offset,
        figures_of(asked, same_P),
    )


def unlearned() -> PairModel:
    """What there is without known pairs: the likeness itself, which is no probability.

    Its features are those of `ComparedProducts.likeness`.
    """

    def judge(likeness_P1: np.ndarray) -> np.ndarray:
        share = np.clip(likeness_P1[:, 0].astype(float), 1e-6, 1 - 1e-6)
        odds: np.ndarray = np.log(share / (1 - share))
        return odds

    return PairModel(UNLEARNED, judge)


def figures_of(probability_P: np.ndarray, same_P: np.ndarray, level: float = 0.5) -> PairFigures:
    """What probabilities are worth, with `level` as the least that says "the same"."""
    said = probability_P >= level
    right = int((said & same_P).sum())
    precision, recall = right / max(1, int(said.sum())), right / max(1, int(same_P.sum()))
    order = np.argsort(-probability_P, kind="stable")
    found = np.cumsum(same_P[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + same_P.sum())
    f1[~np.append(np.diff(probability_P[order]) < 0, True)] = -1  # equal ones are on one side
    best = int(f1.argmax())
    bins = np.array_split(order, _BINS)
    apart = [
        len(some) * abs(float(probability_P[some].mean() - same_P[some].mean()))
        for some in bins
        if len(some)
    ]
    return PairFigures(
        len(same_P),
        int(same_P.sum()),
        level,
        2 * precision * recall / max(precision + recall, 1e-9),
        precision,
        recall,
        float(probability_P[order[best]]),
        float(f1[best]),
        _average_precision(same_P, probability_P),
        float(((probability_P - same_P) ** 2).mean()),
        sum(apart) / max(1, len(same_P)),
    )


def _logistic(features_PF: np.ndarray, same_P: np.ndarray) -> Judge:
    nothing = (np.empty((0, features_PF.shape[1]), np.float32), np.empty(0, bool))
    return fit_pairs((features_PF, same_P), nothing)


def _forest(features_PF: np.ndarray, same_P: np.ndarray) -> Judge:
    fitted = fit_forest((features_PF, same_P))

    def judge(features: np.ndarray) -> np.ndarray:
        share = np.clip(fitted(features), _EDGE, 1 - _EDGE)
        odds: np.ndarray = np.log(share / (1 - share))
        return odds

    return judge


def _unseen(
    fit: Callable[[np.ndarray, np.ndarray], Judge],
    features_PF: np.ndarray,
    same_P: np.ndarray,
    fold_P: np.ndarray,
) -> np.ndarray:
    """(P,) log-odds of each pair by what was fitted without its fold."""
    found = np.zeros(len(same_P))
    for fold in range(_FOLDS):
        mine = fold_P == fold
        if mine.any() and len(np.unique(same_P[~mine])) == 2:
            found[mine] = fit(features_PF[~mine], same_P[~mine])(features_PF[mine])
    return found


def _folds(family_P: np.ndarray, same_P: np.ndarray) -> np.ndarray:
    """(P,) 0 to 4; right pairs are spread evenly."""
    families, inverse = np.unique(family_P, return_inverse=True)
    lot = np.random.default_rng(0).permutation(len(families))
    right = np.bincount(inverse, weights=same_P, minlength=len(families)) > 0
    order = np.lexsort((lot, ~right))
    place = np.empty(len(families), np.int64)
    place[order] = np.arange(len(families))
    found: np.ndarray = (place % _FOLDS)[inverse]
    return found


def _platt(odds_P: np.ndarray, same_P: np.ndarray) -> tuple[float, float]:
    """Slope, at least 0, and offset, of least log loss; labels are kept a little from 0 and 1."""
    from scipy.optimize import minimize

    right, wrong = int(same_P.sum()), int((~same_P).sum())
    target = np.where(same_P, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        z = given[0] * odds_P + given[1]
        gap = _probability(z) - target
        value = np.logaddexp(0, z) - target * z
        return float(value.mean()), np.array([(gap * odds_P).mean(), gap.mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0, None), (None, None)])
    return float(found.x[0]), float(found.x[1])


def _probability(odds: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-np.clip(odds, -60, 60)))
    return found


def _average_precision(same_P: np.ndarray, scores_P: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(same_P, scores_P)) if same_P.any() else 0.0
