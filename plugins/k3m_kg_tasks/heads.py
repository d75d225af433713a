"""What may stand between a model and the link scorer of LPM: a scale, a gate, a probe."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from k3m_kg.api import LinkScorer


class ScaledScorer(LinkScorer):
    """A scorer times a learned positive factor: the inverse temperature of the softmax."""

    def __init__(self, scorer: LinkScorer, scale: float) -> None:
        super().__init__()
        self.scorer = scorer
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,)."""
        return self.scorer.score(head_NH, relation_NH, tail_NH) * self.log_scale.exp()

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C)."""
        return self.scorer.score_tails(head_NH, relation_NH, tail_NCH) * self.log_scale.exp()

    def score_tail_groups(self, head_GSH: Tensor, relation_GSH: Tensor, tail_GCH: Tensor) -> Tensor:
        """(G, S, C)."""
        scores_GSC = self.scorer.score_tail_groups(head_GSH, relation_GSH, tail_GCH)
        return scores_GSC * self.log_scale.exp()


class ProbeScorer(LinkScorer):
    """A linear map for heads, relations and tails each before a scorer; they begin as identities.

    What a probe learns: the vectors are given, and the model does not learn from it.
    """

    def __init__(self, scorer: LinkScorer, hidden: int) -> None:
        super().__init__()
        self.scorer = scorer
        self.head, self.relation, self.tail = (nn.Linear(hidden, hidden) for _ in range(3))
        for part in (self.head, self.relation, self.tail):
            nn.init.eye_(part.weight)
            nn.init.zeros_(part.bias)

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,)."""
        return self.scorer.score(self.head(head_NH), self.relation(relation_NH), self.tail(tail_NH))

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C)."""
        asked = self.head(head_NH), self.relation(relation_NH)
        return self.scorer.score_tails(*asked, self.tail(tail_NCH))

    def score_tail_groups(self, head_GSH: Tensor, relation_GSH: Tensor, tail_GCH: Tensor) -> Tensor:
        """(G, S, C)."""
        asked = self.head(head_GSH), self.relation(relation_GSH)
        return self.scorer.score_tail_groups(*asked, self.tail(tail_GCH))


class GatedScorer(LinkScorer):
    """Adds to a product's vector what its modalities say to the question that is asked.

    Each modality m that is there is read by X experts; what they say is weighed by a softmax over
    all of them of `w_x . tanh(U mean_m + V r + W c)`: by what it says, what is asked, and what the
    product is otherwise. At first the experts say nothing.
    """

    reads_modalities = True

    def __init__(self, scorer: LinkScorer, hidden: int, modalities: int, experts: int) -> None:
        super().__init__()
        self.scorer = scorer
        self.hidden, self.modalities, self.experts = hidden, modalities, experts
        self.says = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(modalities))
        self.asks = nn.Linear(hidden, hidden, bias=False)
        self.knows = nn.Linear(hidden, hidden, bias=False)
        for part in (*self.says, self.asks, self.knows):
            nn.init.xavier_uniform_(part.weight)
        weigh_MXH = nn.Parameter(torch.empty(modalities, experts, hidden))
        self.weigh_MXH = nn.init.normal_(weigh_MXH, std=hidden**-0.5)
        self.read_MXHH = nn.Parameter(torch.zeros(modalities, experts, hidden, hidden))

    def _head(self, head_NW: Tensor, relation_NH: Tensor) -> Tensor:
        """(N, H)."""
        c_NH = head_NW[:, : self.hidden]
        parts_NMF = head_NW[:, self.hidden :].view(len(head_NW), self.modalities, self.hidden + 1)
        mean_NMH, there_NM1 = parts_NMF[..., :-1], parts_NMF[..., -1:] > 0.5
        asked_NH = self.asks(relation_NH) + self.knows(c_NH)
        said_NMH = torch.stack([says(mean_NMH[:, m]) for m, says in enumerate(self.says)], 1)
        inner_NMH = torch.tanh(said_NMH + asked_NH[:, None])
        logits_NMX = torch.einsum("nmh,mxh->nmx", inner_NMH, self.weigh_MXH)
        # a product without any modality has the same weight for all, of experts that read zeros
        logits_NMX = logits_NMX.masked_fill(~there_NM1, -1e4)
        share_NMX = logits_NMX.flatten(1).softmax(1).view_as(logits_NMX)
        share_NMX = share_NMX * there_NM1
        weighed_NMXH = share_NMX[..., None] * mean_NMH[:, :, None]
        return c_NH + torch.einsum("nmxh,mxhk->nk", weighed_NMXH, self.read_MXHH)

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,) of heads that are (N, H + M (H + 1))."""
        return self.scorer.score(self._head(head_NH, relation_NH), relation_NH, tail_NH)

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C)."""
        asked_NH = self._head(head_NH, relation_NH)
        return self.scorer.score_tails(asked_NH, relation_NH, tail_NCH)

    def score_tail_groups(self, head_GSH: Tensor, relation_GSH: Tensor, tail_GCH: Tensor) -> Tensor:
        """(G, S, C)."""
        asked_NH = self._head(head_GSH.flatten(0, 1), relation_GSH.flatten(0, 1))
        asked_GSH = asked_NH.view(*head_GSH.shape[:2], -1)
        return self.scorer.score_tail_groups(asked_GSH, relation_GSH, tail_GCH)
