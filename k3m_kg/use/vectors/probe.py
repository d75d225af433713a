"""Logistic regression on product vectors, its strength chosen on others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_USUAL = 1.0
"""The strength where there is nothing to choose it on."""
_STILL = 1e-12
"""A feature that varies less than this says nothing."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A fitted model of K classes of vectors of width H.

    Attributes:
        classes: (K,) ascending labels.
        mean_H, scale_H: vectors are centred and divided before they are read.
        weights_KH, bias_K: of each class; scores are their logits.
        strength: scikit-learn's C.
    """

    classes: np.ndarray
    mean_H: np.ndarray
    scale_H: np.ndarray
    weights_KH: np.ndarray
    bias_K: np.ndarray
    strength: float

    def logits(self, vectors_NH: np.ndarray) -> np.ndarray:
        """(N, K) float32."""
        scaled_NH = (vectors_NH - self.mean_H) / self.scale_H
        return np.asarray(scaled_NH @ self.weights_KH.T + self.bias_K, np.float32)

    def labels(self, vectors_NH: np.ndarray) -> np.ndarray:
        """(N,) the likeliest label of each."""
        found: np.ndarray = self.classes[self.logits(vectors_NH).argmax(1)]
        return found


def fit_probe(
    train: tuple[np.ndarray, np.ndarray], checked: tuple[np.ndarray, np.ndarray]
) -> Probe:
    """The strength that is most often right on `checked`; the usual one where that is empty.

    Args:
        train: (N, H) vectors and (N,) labels, of at least two kinds.
        checked: the same for choosing; labels that training lacks are never right.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    vectors_NH, labels_N = train
    mean_H, scale_H = vectors_NH.mean(0), vectors_NH.std(0)
    scale_H = np.where(scale_H > _STILL, scale_H, 1.0).astype(scale_H.dtype)
    scaled_NH = (vectors_NH - mean_H) / scale_H
    best, best_right = None, -1.0
    for strength in _STRENGTHS if len(checked[1]) else (_USUAL,):
        model = LogisticRegression(C=strength, max_iter=300)
        with warnings.catch_warnings():  # a probe that has not quite converged is still a probe
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            model.fit(scaled_NH, labels_N)
        weights_KH, bias_K = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # one row of weights, for the second class
            weights_KH = np.concatenate([0 * weights_KH, weights_KH])
            bias_K = np.concatenate([0 * bias_K, bias_K])
        found = Probe(model.classes_, mean_H, scale_H, weights_KH, bias_K, strength)
        right = 0.0
        if len(checked[1]):
            right = float(np.mean(found.labels(checked[0]) == checked[1]))
        if right > best_right:
            best, best_right = found, right
    assert best is not None
    return best
