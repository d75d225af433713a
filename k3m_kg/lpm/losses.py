"""Losses of link prediction: the paper's margin ranking, and cross-entropy over candidates."""

from __future__ import annotations

import torch
from torch import Tensor


def margin_ranking(
    positive_N: Tensor, negative_NK: Tensor, mask_NK: Tensor, margin: float
) -> Tensor:
    """Mean of max(0, margin - positive + negative) over the pairs that `mask_NK` allows.

    Equal to PyKEEN's `MarginRankingLoss` with `mask_NK` as its batch filter; zero, and still
    differentiable, where no pair is left.
    """
    hinge_NK = (margin - positive_N[:, None] + negative_NK).clamp_min(0)
    hinge_NK = hinge_NK.masked_fill(~mask_NK, 0.0)
    return hinge_NK.sum() / mask_NK.sum().clamp_min(1)


def candidate_cross_entropy(
    scores_NC: Tensor,
    target_N: Tensor,
    candidate_mask_NC: Tensor,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Mean cross-entropy of the true value among its own property's candidates.

    Args:
        scores_NC: scores of C candidates; those outside `candidate_mask_NC` are never read.
        target_N: index in 0..C-1 of the true value. A row whose target is negative or no
            candidate of its own has nothing to learn from and is left out of the mean.
        candidate_mask_NC: True at the values that the row's property takes.
        label_smoothing: share of the probability spread evenly over the row's candidates.

    Returns:
        A scalar; zero, and still differentiable, where no row is left.
    """
    if not scores_NC.numel():
        return scores_NC.sum()
    index_N1 = target_N.clamp_min(0)[:, None]
    usable_N = (target_N >= 0) & candidate_mask_NC.gather(1, index_N1).squeeze(1)
    # Rows left out keep one readable entry, so that no gradient becomes NaN.
    open_NC = candidate_mask_NC | ~usable_N[:, None]
    scores_NC = scores_NC.masked_fill(~candidate_mask_NC, 0.0).float()
    log_p_NC = scores_NC.masked_fill(~open_NC, -torch.inf).log_softmax(dim=1)
    loss_N = -log_p_NC.gather(1, index_N1).squeeze(1)
    if label_smoothing:
        spread_N = -log_p_NC.masked_fill(~open_NC, 0.0).sum(1) / open_NC.sum(1)
        loss_N = (1 - label_smoothing) * loss_N + label_smoothing * spread_N
    return loss_N.masked_fill(~usable_N, 0.0).sum() / usable_N.sum().clamp_min(1)
