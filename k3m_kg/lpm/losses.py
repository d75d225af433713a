"""Losses of link prediction: margin ranking, self-adversarial, InfoNCE, binary and candidate
cross-entropy.

Those that take positives (N,), negatives (N, K) and a mask (N, K) of the negatives that count are
equal to PyKEEN's losses of that name with the mask as batch filter, `reduction="mean"`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

_LEAST_LEFT = 1e-6
"""Of the probability, beside a value that is known to be wrong: the logarithm stays finite."""


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


def segment_cross_entropy(
    scores_P: Tensor,
    question_P: Tensor,
    target_Q: Tensor,
    open_P: Tensor,
    label_smoothing: float = 0.0,
    wrong_Q: Tensor | None = None,
) -> Tensor:
    """(Q,) cross-entropy of each question's true value among its own candidates, laid flat.

    Of a question whose target is wrong, minus the logarithm of the probability of all others.

    Args:
        scores_P: scores of (question, candidate) pairs.
        question_P: the question of each, ascending.
        target_Q: the pair of the true value. A question where it is negative or not open has
            nothing to learn from; its loss is zero.
        open_P: bool; the others are never read.
        label_smoothing: share of the probability spread evenly over a question's open candidates.
        wrong_Q: bool, whether the target is known to be wrong; None: none is.
    """
    shape, index_P = (len(target_Q),), question_P
    scores_P = scores_P.float().masked_fill(~open_P, 0.0)
    top_Q = scores_P.new_full(shape, -torch.inf).scatter_reduce(
        0, index_P, scores_P.detach().masked_fill(~open_P, -torch.inf), "amax"
    )
    top_Q = top_Q.masked_fill(top_Q.isinf(), 0.0)  # of a question without any: it is left out
    share_P = (scores_P - top_Q[index_P]).exp().masked_fill(~open_P, 0.0)
    total_Q = scores_P.new_zeros(shape).index_add(0, index_P, share_P)
    norm_Q = top_Q + total_Q.clamp_min(torch.finfo(total_Q.dtype).tiny).log()
    target_Q1 = target_Q.clamp_min(0)
    if not len(scores_P):
        return norm_Q * 0
    usable_Q = (target_Q >= 0) & open_P[target_Q1]
    loss_Q = norm_Q - scores_P.index_select(0, target_Q1)
    if label_smoothing:
        count_Q = scores_P.new_zeros(shape).index_add_(0, index_P, open_P.to(scores_P.dtype))
        sum_Q = scores_P.new_zeros(shape).index_add(0, index_P, scores_P)
        spread_Q = norm_Q - sum_Q / count_Q.clamp_min(1)
        loss_Q = (1 - label_smoothing) * loss_Q + label_smoothing * spread_Q
    if wrong_Q is not None:
        tiny = torch.finfo(total_Q.dtype).tiny
        rest_Q = total_Q - share_P.index_select(0, target_Q1)
        of_wrong_Q = total_Q.clamp_min(tiny).log() - rest_Q.clamp_min(_LEAST_LEFT).log()
        loss_Q = torch.where(wrong_Q, of_wrong_Q, loss_Q)
    return loss_Q.masked_fill(~usable_Q, 0.0)
