"""Logistic regression on one input, its strength chosen on validation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse

STRENGTHS = (0.1, 1.0, 10.0)
MOST_WEIGHTS = 1 << 21
"""Classes times columns: with more, the columns that fewest examples have are left out."""
_ITERATIONS = 100
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted model of K classes.

    Attributes:
        classes: (K,) ascending labels.
        columns: those of the input that are read.
        weights_KF, bias_K: of each class; scores are their logits.
        strength: scikit-learn's C.
    """

    classes: np.ndarray
    columns: np.ndarray
    weights_KF: np.ndarray
    bias_K: np.ndarray
    strength: float

    def logits(self, matrix: sparse.csr_matrix) -> np.ndarray:
        """(Q, K) float32."""
        found = matrix[:, self.columns] @ self.weights_KF.T + self.bias_K
        return np.asarray(found, np.float32)


def fit_linear(
    train: tuple[sparse.csr_matrix, np.ndarray],
    validation: tuple[sparse.csr_matrix, np.ndarray],
) -> Linear:
    """The strength that is most often right on validation; the middle one without validation.

    Args:
        train: examples and their labels, of at least two kinds.
        validation: the same for choosing; labels that training lacks are never right.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    matrix, labels = train
    classes = np.unique(labels)
    columns = _columns(matrix, len(classes))
    matrix = matrix[:, columns]
    checked = validation[0][:, columns]
    model = LogisticRegression(warm_start=True, max_iter=_ITERATIONS, tol=_TOLERANCE)
    best, best_right = None, -1.0
    for strength in STRENGTHS if len(validation[1]) else STRENGTHS[1:2]:
        model.set_params(C=strength)
        with warnings.catch_warnings():  # one that has not quite converged is one all the same
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            model.fit(matrix, labels)
        right = float(np.mean(model.predict(checked) == validation[1])) if len(validation[1]) else 0
        if right > best_right:
            best, best_right = (model.coef_.copy(), model.intercept_.copy(), strength), right
    assert best is not None
    weights, bias, strength = best
    if len(classes) == 2:  # one row of weights, for the second class
        weights, bias = np.concatenate([0 * weights, weights]), np.concatenate([0 * bias, bias])
    return Linear(classes, columns, weights, bias, strength)


def _columns(matrix: sparse.csr_matrix, classes: int) -> np.ndarray:
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    kept = np.argsort(-counts, kind="stable")[: max(1, MOST_WEIGHTS // classes)]
    found: np.ndarray = np.sort(kept[counts[kept] > 0])
    return found if len(found) else np.arange(min(1, matrix.shape[1]))
