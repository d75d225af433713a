"""Star attention: a product's triples into `c*` (K3M section 3.2.3, GAT-style, 8 heads)."""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import ConfigError, StructureAggregation, initialise
from k3m_kg_structures.blocks import combined


class StarAttention(StructureAggregation):
    """`t_k = W1 [c ; p_k ; v_k]`, `b_k = LeakyReLU(w2 . t_k)`, `a = softmax over the triples`,
    `c* = c + W3 (mean over heads of sum_k a_k t_k)`.

    The graph is flat: no padding and no loop over products.

    Args:
        hidden: H.
        heads: attention heads, each as wide as H, averaged.
        backend: `torch` (segment operations) or `dgl`; equal in result and gradient.
    """

    def __init__(self, hidden: int, heads: int, backend: str = "torch") -> None:
        super().__init__()
        self.heads = heads
        self.hidden = hidden
        self.product = nn.Linear(hidden, heads * hidden)
        self.property = nn.Linear(hidden, heads * hidden, bias=False)
        self.value = nn.Linear(hidden, heads * hidden, bias=False)
        self.attention = nn.init.normal_(nn.Parameter(torch.empty(heads, hidden)), std=hidden**-0.5)
        self.merge = nn.Linear(hidden, hidden)
        self.backend = backend
        if backend == "dgl":
            _import_dgl()

    def reset_parameters(self) -> None:
        """Xavier weights."""
        initialise(self)

    def messages(
        self, c_BH: Tensor, product_E: Tensor, property_EH: Tensor, value_EH: Tensor
    ) -> tuple[Tensor, ...]:
        """`t` (E, heads, H) and `b` (E, heads) of every triple."""
        product_EF = self.product(c_BH).index_select(0, product_E)
        t_EXH = (product_EF + self.property(property_EH) + self.value(value_EH)).view(
            -1, self.heads, self.hidden
        )
        b_EX = F.leaky_relu((t_EXH * self.attention).sum(-1))
        return t_EXH, b_EX

    def forward(
        self, c_QH: Tensor, messages: tuple[Tensor, ...], question_N: Tensor, triple_N: Tensor
    ) -> Tensor:
        """`c*` (Q, H) of Q questions."""
        t_EXH, b_EX = messages
        if not len(question_N):
            return c_QH
        combine = _combine_dgl if self.backend == "dgl" else _combine_torch
        pooled_QH: Tensor = combine(len(c_QH), t_EXH, b_EX, question_N, triple_N)
        # A question without triples keeps c exactly: W3's bias must not reach it.
        some_Q = torch.zeros(len(c_QH), dtype=torch.bool, device=c_QH.device)
        some_Q[question_N] = True
        merged: Tensor = self.merge(pooled_QH)
        return c_QH + merged * some_Q[:, None]


def _combine_torch(
    count: int, t_EXH: Tensor, b_EX: Tensor, question_N: Tensor, triple_N: Tensor
) -> Tensor:
    if t_EXH.device.type == "cpu":  # a GPU would be waited for to find them
        by_blocks = combined(count, t_EXH, b_EX, question_N, triple_N)
        if by_blocks is not None:
            return by_blocks
    score_NX = b_EX.index_select(0, triple_N).float()
    index_NX = question_N[:, None].expand_as(score_NX)
    top_QX = score_NX.new_full((count, score_NX.shape[1]), float("-inf"))
    top_QX = top_QX.scatter_reduce(0, index_NX, score_NX.detach(), "amax")
    weight_NX = torch.exp(score_NX - top_QX[question_N])
    total_QX = torch.zeros_like(top_QX).index_add(0, question_N, weight_NX)
    weight_NX = weight_NX / total_QX[question_N]
    # A bag per question, of (triple, head) rows: sums without ever holding a row per pair.
    heads = t_EXH.shape[1]
    row_NX = triple_N[:, None] * heads + torch.arange(heads, device=triple_N.device)
    # not by bincount, for whose size a device would be asked
    first_Q = torch.searchsorted(question_N, torch.arange(count, device=question_N.device))
    pooled: Tensor = F.embedding_bag(
        row_NX.flatten(),
        t_EXH.float().flatten(0, 1),  # CUDA has no weighted bags of bfloat16
        first_Q * heads,
        mode="sum",
        per_sample_weights=weight_NX.flatten(),
    )
    return (pooled / heads).to(t_EXH.dtype)


def _combine_dgl(
    count: int, t_EXH: Tensor, b_EX: Tensor, question_N: Tensor, triple_N: Tensor
) -> Tensor:
    dgl = _import_dgl()
    graph = dgl.heterograph(
        {("triple", "informs", "question"): (triple_N, question_N)},
        num_nodes_dict={"triple": len(t_EXH), "question": count},
    )
    weight_NX1 = dgl.ops.edge_softmax(graph, b_EX[triple_N].float()[..., None])
    pooled_QXH = dgl.ops.u_mul_e_sum(graph, t_EXH, weight_NX1.to(t_EXH.dtype))
    result: Tensor = pooled_QXH.mean(1)
    return result


def _import_dgl() -> Any:
    os.environ.setdefault("DGLBACKEND", "pytorch")  # else dgl writes a settings file into HOME
    try:
        import dgl
    except ImportError as error:
        raise ConfigError(
            f"the dgl backend cannot be imported: {error}",
            where="model.structure.backend",
            hint="pip install 'k3m-kg[dgl]' (Python < 3.12), or take the torch backend",
        ) from None
    return dgl
