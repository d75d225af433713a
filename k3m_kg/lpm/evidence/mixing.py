"""How much the regressions count beside all other terms: chosen by what validation answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from k3m_kg.lpm.evidence.regression import USUAL_MIX

_FEWEST = 30
"""Questions without which nothing is chosen."""
_PULL = 8.0
"""Of a property's weights towards those of all: as that many questions of one nat."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Q validation questions about one property.

    Attributes:
        shares_QC: what the regression says.
        scores_QC: all other terms; minus infinity, in both, for further true values.
        target_Q: the answer's place.
    """

    shares_QC: Tensor
    scores_QC: Tensor
    target_Q: Tensor


def mixture(answered: Mapping[int, Sequence[Answered]]) -> dict[int, tuple[float, float]]:
    """Weights of regression and other terms for each property, drawn to what they have in common.

    They minimise the cross-entropy; empty where there are too few questions.
    """
    names = [name for name, parts in answered.items() if parts]
    total = sum(len(part.target_Q) for name in names for part in answered[name])
    if total < _FEWEST:
        return {}
    shared_2 = torch.tensor(USUAL_MIX).log().requires_grad_()
    own_P2 = torch.zeros(len(names), 2, requires_grad=True)
    optimizer = torch.optim.LBFGS([shared_2, own_P2], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = _PULL / 2 * own_P2.square().sum() + 0.5 * shared_2.square().sum()
        for weights_2, name in zip((shared_2 + own_P2).exp(), names, strict=True):
            for part in answered[name]:
                mixed_QC = weights_2[0] * part.shares_QC + weights_2[1] * part.scores_QC
                picked_Q = mixed_QC.gather(1, part.target_Q[:, None])[:, 0]
                value = value + (mixed_QC.logsumexp(1) - picked_Q).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    weights_P2 = (shared_2 + own_P2).detach().exp()
    if not torch.isfinite(weights_P2).all():
        return {}
    return {
        name: (float(one), float(other))
        for name, (one, other) in zip(names, weights_P2.tolist(), strict=True)
    }
