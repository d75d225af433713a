"""Multinomial logistic regression on dense and sparse inputs side by side, by full batches.

scikit-learn's fits the same, but of one matrix: a thousand dense features beside a hundred thousand
sparse ones fit into none that is fast. Here each part is multiplied as what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from scipy import sparse

Part: TypeAlias = sparse.csr_matrix | np.ndarray
"""(N, F) float32, some columns of N examples."""

_LEAST_GRADIENT = 1e-4
_LEAST_CHANGE = 1e-7
"""Of the loss in one iteration, below which it is found."""


def fit_softmax(
    parts: Sequence[Part],
    labels_N: np.ndarray,
    classes: int,
    strength: float,
    *,
    begin_FK: np.ndarray | None = None,
    iterations: int = 100,
) -> np.ndarray:
    """The weights that minimise the sum of cross-entropies + |W|^2 / (2 strength).

    Args:
        parts: columns of the examples; N is at least 1.
        labels_N: in [0, classes).
        classes: K.
        strength: scikit-learn's C.
        begin_FK: a result for another strength, from which it is nearer.
        iterations: of L-BFGS, at most; one that has not quite converged is one all the same.

    Returns:
        (F + 1, K) float32, a row for each column and the bias, which is not drawn to zero.
    """
    count, ends = len(labels_N), np.cumsum([0, *(part.shape[1] for part in parts)])
    columns, every = int(ends[-1]), np.arange(len(labels_N))
    turned = [part.T if isinstance(part, np.ndarray) else part.T.tocsr() for part in parts]
    penalty = 1 / (strength * count)
    begin = np.zeros((columns + 1, classes), np.float32) if begin_FK is None else begin_FK.copy()
    weights = torch.from_numpy(begin)
    weights.grad = torch.zeros_like(weights)
    weights_FK, slope_FK = weights.numpy(), weights.grad.numpy()
    optimizer = torch.optim.LBFGS(
        [weights],
        max_iter=iterations,
        history_size=10,
        tolerance_grad=_LEAST_GRADIENT,
        tolerance_change=_LEAST_CHANGE,
        line_search_fn="strong_wolfe",
    )

    def loss() -> float:
        logits_NK = softmax_logits(parts, weights_FK)
        logits_NK -= logits_NK.max(1, keepdims=True)
        picked_N = logits_NK[every, labels_N]
        share_NK = np.exp(logits_NK, out=logits_NK)
        total_N = share_NK.sum(1)
        value = float(np.mean(np.log(total_N) - picked_N))
        share_NK /= total_N[:, None] * np.float32(count)
        share_NK[every, labels_N] -= np.float32(1 / count)
        for part, start, end in zip(turned, ends, ends[1:], strict=False):
            slope_FK[start:end] = part @ share_NK
        slope_FK[-1] = share_NK.sum(0)
        slope_FK[:-1] += np.float32(penalty) * weights_FK[:-1]
        return value + penalty / 2 * float(np.vdot(weights_FK[:-1], weights_FK[:-1]))

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights_FK


def with_dense(parts: Sequence[Part], scale: float) -> list[Part]:
    """The same, dense parts multiplied: the smaller, the less are they to be relied on."""
    return [part * np.float32(scale) if isinstance(part, np.ndarray) else part for part in parts]


def dense_undone(parts: Sequence[Part], weights_FK: np.ndarray, scale: float) -> np.ndarray:
    """Weights for `parts` as they were before `with_dense` multiplied them."""
    found, start = weights_FK.copy(), 0
    for part in parts:
        end = start + part.shape[1]
        if isinstance(part, np.ndarray):
            found[start:end] *= np.float32(scale)
        start = end
    return found


def softmax_logits(parts: Sequence[Part], weights_FK: np.ndarray) -> np.ndarray:
    """(N, K) float32 of what `fit_softmax` gave."""
    count = parts[0].shape[0] if parts else 0
    logits_NK = np.repeat(weights_FK[-1:], count, 0)
    start = 0
    for part in parts:
        logits_NK += part @ weights_FK[start : start + part.shape[1]]
        start += part.shape[1]
    return logits_NK
