"""Linear models of what is stated, one per property, none of which sees what its property says.

Ridge regression of each property's column on all columns but those that the property owns. All come
from one inverse: leaving a block G of columns out of a regression is, by the inverse of a
partitioned matrix, w - M[:, G] M[G, G]^-1 w[G]. With one column in each block this is EASE (Steck,
Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

PENALTY = 10.0


@dataclass(slots=True)
class Moments:
    """What rows of columns are summed up to; sums of parts are sums of the whole.

    Attributes:
        count: rows.
        sum_F: of each column, float64.
        gram_FF: of each pair of columns, float64.
    """

    count: int
    sum_F: np.ndarray
    gram_FF: np.ndarray

    @classmethod
    def of(cls, matrix_NF: sparse.csr_matrix) -> Moments:
        """Of some rows."""
        exact = matrix_NF.astype(np.float64)
        total = np.asarray(exact.sum(0)).ravel()
        return cls(matrix_NF.shape[0], total, (exact.T @ exact).toarray())

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count, self.sum_F + other.sum_F, self.gram_FF + other.gram_FF
        )


@dataclass(frozen=True, slots=True)
class Ridge:
    """A score of each property being stated, from the other columns.

    Attributes:
        weights_FP: float32, zero where the property owns the column.
        bias_P: float32.
    """

    weights_FP: np.ndarray
    bias_P: np.ndarray

    @classmethod
    def fit(
        cls, moments: Moments, owner_F: np.ndarray, stated: slice, penalty: float = PENALTY
    ) -> Ridge:
        """Fit all properties.

        Args:
            moments: of the products to learn from.
            owner_F: the property that each column says something of, -1 where it is none.
            stated: the columns to predict, by property.
            penalty: added to the diagonal.
        """
        mean_F = moments.sum_F / max(1, moments.count)
        centred_FF = moments.gram_FF - moments.count * np.outer(mean_F, mean_F)
        target_FP = centred_FF[:, stated].copy()
        centred_FF[np.diag_indices_from(centred_FF)] += penalty
        inverse_FF = np.linalg.inv(centred_FF)
        for name in range(target_FP.shape[1]):
            target_FP[owner_F == name, name] = 0
        weights_FP = inverse_FF @ target_FP
        for name in range(target_FP.shape[1]):
            own = np.flatnonzero(owner_F == name)
            block = np.linalg.solve(inverse_FF[np.ix_(own, own)], weights_FP[own, name])
            weights_FP[:, name] -= inverse_FF[:, own] @ block
            weights_FP[own, name] = 0
        bias_P = mean_F[stated] - mean_F @ weights_FP
        return cls(weights_FP.astype(np.float32), bias_P.astype(np.float32))

    def scores(self, matrix_NF: sparse.csr_matrix, names: slice | np.ndarray) -> np.ndarray:
        """(N, names) float64; about 0 where a property is not stated and 1 where it is."""
        found: np.ndarray = matrix_NF @ self.weights_FP[:, names] + self.bias_P[names]
        return found.astype(np.float64)
