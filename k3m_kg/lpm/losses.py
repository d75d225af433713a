"""Losses of link prediction: margin ranking, self-adversarial, InfoNCE, binary and candidate
cross-entropy.

Those that take positives (N,), negatives (N, K) and a mask (N, K) of the negatives that count are
equal to PyKEEN's losses of that name with the mask as batch filter, `reduction="mean"`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus


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


def nssa(
    positive_N: Tensor,
    negative_NK: Tensor,
    mask_NK: Tensor,
    margin: float = 9.0,
    temperature: float = 1.0,
) -> Tensor:
    """Self-adversarial negative sampling (Sun et al. 2019).

    Negatives that the model believes weigh more: their weights are a softmax of their scores times
    `temperature`, and no gradient passes through them. A row without negatives adds its positive
    only.
    """
    scores_NK = negative_NK.masked_fill(~mask_NK, 0.0)
    weight_NK = (scores_NK.detach() * temperature).masked_fill(~mask_NK, -torch.inf)
    weight_NK = weight_NK.softmax(dim=1).nan_to_num(0.0)
    negative_N = -(weight_NK * logsigmoid(-scores_NK - margin)).sum(1)
    return (negative_N - logsigmoid(positive_N + margin)).mean() / 2


def info_nce(
    positive_N: Tensor,
    negative_NK: Tensor,
    mask_NK: Tensor,
    margin: float = 0.02,
    temperature: float = 0.05,
) -> Tensor:
    """Cross-entropy of each positive, less a margin, against its own negatives.

    With margin 0 and temperature 1 this is cross-entropy over sampled candidates.
    """
    own_N = (positive_N - margin) / temperature
    others_NK = (negative_NK / temperature).masked_fill(~mask_NK, -torch.inf)
    every_NK = torch.cat([own_N[:, None], others_NK], dim=1)
    return (every_NK.logsumexp(dim=1) - own_N).mean()


def binary_cross_entropy(positive_N: Tensor, negative_NK: Tensor, mask_NK: Tensor) -> Tensor:
    """Mean over positives and negatives alike of the cross-entropy of true or false."""
    positive = softplus(-positive_N).sum()
    negative = softplus(negative_NK.masked_fill(~mask_NK, 0.0)).masked_fill(~mask_NK, 0.0).sum()
    return (positive + negative) / (len(positive_N) + mask_NK.sum()).clamp_min(1)


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
