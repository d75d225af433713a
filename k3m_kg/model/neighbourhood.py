"""Structure aggregation beyond the star: what sampled neighbours say of what is not seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Neighbourhood(nn.Module):
    """Adds to `c*` what the neighbours of a question say of the properties that it does not see.

    `m_k = W1 [p_k ; v_k]` of each distinct triple k of the neighbours; attention by `c*`, starting
    from how much these neighbours share with the question, over the values of each property and a
    learned score that stands for none of them. The last layer begins at zero: the model begins as
    the star.

    Args:
        hidden: H.
        heads: attention heads; H must be a multiple.
    """

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(hidden)
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(2 * hidden, hidden)
        self.message = nn.Linear(2 * hidden, hidden)
        self.none = nn.Parameter(torch.zeros(heads))
        self.merge = nn.Linear(hidden, hidden, bias=False)

    def begin(self) -> None:
        """Begin as the star."""
        nn.init.zeros_(self.merge.weight)

    def forward(
        self,
        head_QH: Tensor,
        term_U2H: Tensor,
        query_N: Tensor,
        slot_N: Tensor,
        term_N: Tensor,
        share_N: Tensor,
    ) -> Tensor:
        """(Q, H).

        Args:
            head_QH: `c*` of the star.
            term_U2H: property and value vectors of U distinct triples.
            query_N: the question of each triple that neighbours have.
            slot_N: a number of its question and property, ascending from 0.
            term_N: the triple, in 0..U-1.
            share_N: the part of the neighbours that have it among those that have the property.
        """
        if not len(query_N):
            return head_QH
        width = head_QH.shape[1] // self.heads
        query_QH = self.query(self.norm(head_QH)) / width**0.5
        key_UH, message_UH = self.key(term_U2H), self.message(term_U2H)
        product_NH = query_QH[query_N] * key_UH[term_N]
        score_NX = product_NH.unflatten(1, (self.heads, width)).sum(2).float()
        score_NX = score_NX + share_N.log()[:, None]
        slots = int(slot_N[-1]) + 1
        none_SX = self.none.float().expand(slots, -1)
        index_NX = slot_N[:, None].expand_as(score_NX)
        top_SX = none_SX.detach().scatter_reduce(0, index_NX, score_NX.detach(), "amax")
        weight_NX = torch.exp(score_NX - top_SX[slot_N])
        total_SX = torch.exp(none_SX - top_SX).index_add(0, slot_N, weight_NX)
        weight_NX = (weight_NX / total_SX[slot_N]).to(head_QH.dtype)
        told_NH = message_UH[term_N].unflatten(1, (self.heads, width)) * weight_NX[..., None]
        pooled_QH = torch.zeros_like(head_QH).index_add(0, query_N, told_NH.flatten(1))
        out: Tensor = head_QH + self.merge(pooled_QH)
        return out
