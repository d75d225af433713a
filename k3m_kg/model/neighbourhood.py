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

    def __init__(self, hidden: int, heads: int, bank: int = 0) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(hidden)
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(2 * hidden, hidden)
        self.message = nn.Linear(2 * hidden, hidden)
        self.none = nn.Parameter(torch.zeros(heads))
        self.merge = nn.Linear(hidden, hidden, bias=False)
        if bank:
            self.near_query = nn.Linear(hidden, hidden, bias=False)
            self.near_key = nn.Linear(hidden, hidden, bias=False)
            self.near_norm = nn.LayerNorm(hidden)
            self.near_scale = nn.Parameter(torch.zeros(heads))
            self.register_buffer("bank", torch.zeros(bank, hidden))

    def begin(self) -> None:
        """Begin as the star."""
        nn.init.zeros_(self.merge.weight)

    def forward(
        self,
        c_QH: Tensor,
        head_QH: Tensor,
        term_U2H: Tensor,
        query_N: Tensor,
        slot_N: Tensor,
        term_N: Tensor,
        neighbour_N: Tensor,
        query_M: Tensor,
        rows_M: Tensor,
        overlap_M: Tensor,
    ) -> Tensor:
        if not len(query_N):
            return head_QH
        width = head_QH.shape[1] // self.heads
        query_QH = self.query(self.norm(head_QH)) / width**0.5
        key_UH, message_UH = self.key(term_U2H), self.message(term_U2H)
        score_NX = (query_QH[query_N] * key_UH[term_N]).unflatten(1, (self.heads, width)).sum(2)
        near_MX = overlap_M.log()[:, None].expand(-1, self.heads)
        if hasattr(self, "bank"):
            c_MH = self.near_norm(self.bank[rows_M])
            near_QH = self.near_query(self.near_norm(c_QH)) / width**0.5
            near_MX = near_MX + (near_QH[query_M] * self.near_key(c_MH)).unflatten(
                1, (self.heads, width)
            ).sum(2)
            cosine_M = torch.cosine_similarity(c_QH.detach()[query_M], self.bank[rows_M])
            near_MX = near_MX + self.near_scale.exp() * 5 * cosine_M[:, None]
        score_NX = (score_NX + near_MX[neighbour_N]).float()
        slots = int(slot_N[-1]) + 1
        index_NX = slot_N[:, None].expand_as(score_NX)
        # the share of "none" begins at half
        count_SX = torch.zeros(slots, self.heads).index_add(
            0, slot_N, near_MX.detach()[neighbour_N]
        )
        number_S = torch.bincount(slot_N, minlength=slots)[:, None]
        none_SX = self.none.float() + (count_SX / number_S) + number_S.log()
        top_SX = none_SX.detach().scatter_reduce(0, index_NX, score_NX.detach(), "amax")
        weight_NX = torch.exp(score_NX - top_SX[slot_N])
        total_SX = torch.exp(none_SX - top_SX).index_add(0, slot_N, weight_NX)
        weight_NX = (weight_NX / total_SX[slot_N]).to(head_QH.dtype)
        told_NH = message_UH[term_N].unflatten(1, (self.heads, width)) * weight_NX[..., None]
        pooled_QH = torch.zeros_like(head_QH).index_add(0, query_N, told_NH.flatten(1))
        out: Tensor = head_QH + self.merge(pooled_QH)
        return out
