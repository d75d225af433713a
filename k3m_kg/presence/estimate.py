"""How probably a property applies to a product that does not state it.

What a catalog does not state is unlabelled, not negative: it may not apply, or be missing. So what
is learned is the probability g that a property is *stated*, from what else is seen of the product,
and of what applies a share c is taken to be stated, whichever product of its kind it is (selected
completely at random; Elkan and Noto, Learning Classifiers from Only Positive and Unlabeled Data,
KDD 2008). Then, of a product that does not state it, the property applies with

    (1 - c) / c * g / (1 - g)

(their equation 4). c is the median of g over the products of the kind that state the property: of
those the property applies to, so g is c up to chance. Where absence can be told from what else is
seen, g is near 1 on those that have it, so c is too, and what lacks it has it not; where it cannot,
g is c everywhere, and absence is an omission.

What this takes for granted, and where it errs:

- Omissions are random within a kind. Those that are not (a supplier who never states weights) look
  like what does not apply: too little is proposed, not too much.
- Where a property applies, it is stated at least as often as not (`LEAST_STATED`). A property that
  applies to a whole kind but is stated of few of it counts as one that applies to few.
- Of what applies at least one in twenty is not stated (`MOST_STATED`): where g is nearer to 1 than
  that, what a product lacks was forgotten. A product to which it does not apply, although nothing
  seen of it says so, is then asked all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from k3m_kg.presence.columns import SeenColumns
from k3m_kg.presence.ridge import Moments, Ridge

LEAST_STATED = 0.5
MOST_STATED = 0.95
_FEWEST = 5
"""Products of a kind that state a property, from which on the kind has a share of its own."""
_AS_MANY = 20
"""A kind's own share counts as much as that of all kinds from so many products on."""
_SLOPE, _SLOPE_PENALTY = 6.0, 0.01
"""Where the data does not say: scores of 0 and 1 are 0.05 and 0.95."""
_COLUMNS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was learned of presence; all arrays float32, places int32.

    Attributes:
        columns: what it looks at.
        ridge: a score per property.
        slope_P, offset_P: the probability of being stated is the logistic function of slope * score
            + offset (Platt scaling).
        share_P: c of each property, over all kinds.
        kind_L, property_L, share_L: c of some properties in some kinds.
    """

    columns: SeenColumns
    ridge: Ridge
    slope_P: np.ndarray
    offset_P: np.ndarray
    share_P: np.ndarray
    kind_L: np.ndarray
    property_L: np.ndarray
    share_L: np.ndarray

    @classmethod
    def fit(
        cls,
        columns: SeenColumns,
        matrix_NF: sparse.csr_matrix,
        kind_N: np.ndarray,
        half_N: np.ndarray,
    ) -> Estimate:
        """Learn from some products.

        Args:
            columns: those of the matrix.
            matrix_NF: what is seen of each product.
            kind_N: its kind, or -1.
            half_N: bool; probabilities are fitted to what a model of one half says of the other.
        """
        owner_F, stated = columns.owner_F, columns.stated
        halves = [Moments.of(matrix_NF[half_N == side]) for side in (False, True)]
        # each half is judged by the model of the other one
        judges = [Ridge.fit(half, owner_F, stated) for half in reversed(halves)]
        ridge = Ridge.fit(halves[0] + halves[1], owner_F, stated)
        count = len(columns.properties)
        slope_P, offset_P, share_P = np.zeros((3, count))
        local: list[tuple[int, int, float]] = []
        for start in range(0, count, _COLUMNS_AT_ONCE):
            names = slice(start, min(start + _COLUMNS_AT_ONCE, count))
            said_NP = matrix_NF[:, stated][:, names].toarray() > 0
            score_NP = np.zeros(said_NP.shape)
            for side, judge in zip((False, True), judges, strict=True):
                score_NP[half_N == side] = judge.scores(matrix_NF[half_N == side], names)
            for place, name in enumerate(range(names.start, names.stop)):
                said_N, score_N = said_NP[:, place], score_NP[:, place]
                slope_P[name], offset_P[name] = _logistic(score_N, said_N)
                stated_M = expit(slope_P[name] * score_N[said_N] + offset_P[name])
                share_P[name] = _share(stated_M)
                if name == columns.category:  # a kind says that there is one
                    continue
                local += [
                    (kind, name, share)
                    for kind, share in _by_kind(kind_N[said_N], stated_M, share_P[name])
                ]
        kind_L, property_L, share_L = (
            np.array([item[part] for item in local]) for part in range(3)
        )
        return cls(
            columns,
            ridge,
            slope_P.astype(np.float32),
            offset_P.astype(np.float32),
            share_P.astype(np.float32),
            kind_L.astype(np.int32),
            property_L.astype(np.int32),
            share_L.astype(np.float32),
        )

    def stated(self, matrix_NF: sparse.csr_matrix, names: np.ndarray) -> np.ndarray:
        """(N, names) how probably each product states each property, float64.

        A property's own column and values are not looked at: stated or not is the same.
        """
        score = self.ridge.scores(matrix_NF, names)
        found: np.ndarray = expit(self.slope_P[names] * score + self.offset_P[names])
        return found

    def shares(self, kind_N: np.ndarray, names: np.ndarray) -> np.ndarray:
        """(N, names) c: of what applies, how much is stated."""
        own = np.full((len(self.columns.kinds) + 1, len(self.columns.properties)), np.nan)
        own[self.kind_L, self.property_L] = self.share_L
        found = own[kind_N][:, names]  # -1: the last row, of no kind
        shares: np.ndarray = np.where(np.isnan(found), self.share_P[names], found)
        return shares

    def applies(
        self, matrix_NF: sparse.csr_matrix, kind_N: np.ndarray, names: np.ndarray
    ) -> np.ndarray:
        """(N, names) how probably each property applies, were it not stated; float64 in 0..1."""
        stated = self.stated(matrix_NF, names)
        share = self.shares(kind_N, names)
        odds = stated / np.maximum(1 - stated, 1e-9) * (1 - share) / share
        applies: np.ndarray = np.minimum(odds, 1.0)
        return applies


def _share(stated_M: np.ndarray) -> float:
    if not len(stated_M):
        return LEAST_STATED
    return float(np.clip(np.median(stated_M), LEAST_STATED, MOST_STATED))


def _by_kind(
    kind_M: np.ndarray, stated_M: np.ndarray, everywhere: float
) -> list[tuple[int, float]]:
    """Kinds with a share of their own, drawn towards that of all where they are small."""
    found = []
    for kind in np.unique(kind_M[kind_M >= 0]).tolist():
        mine = stated_M[kind_M == kind]
        if len(mine) >= _FEWEST:
            share = (len(mine) * _share(mine) + _AS_MANY * everywhere) / (len(mine) + _AS_MANY)
            found.append((kind, share))
    return found


def _logistic(score_N: np.ndarray, said_N: np.ndarray) -> tuple[float, float]:
    """Slope and offset that make a score a probability (Platt, 1999)."""

    def loss(both: np.ndarray) -> tuple[float, np.ndarray]:
        logit_N = both[0] * score_N + both[1]
        error_N = expit(logit_N) - said_N
        drawn = both[0] - _SLOPE
        value = np.logaddexp(0, logit_N).sum() - logit_N[said_N].sum() + _SLOPE_PENALTY * drawn**2
        return float(value), np.array(
            [(error_N * score_N).sum() + 2 * _SLOPE_PENALTY * drawn, error_N.sum()]
        )

    found = minimize(loss, np.array([_SLOPE, -_SLOPE / 2]), jac=True, method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])
