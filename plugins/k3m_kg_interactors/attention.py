"""The block that all interactors are made of: pre-norm attention, then feed-forward."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import InnerNorm, RepeatedLayer


class Attention(RepeatedLayer):
    """Pre-norm attention of one stream to another (or to itself), and feed-forward.

    A query that finds nothing present gets nothing: its attention output is zero.

    Args:
        hidden: H.
        heads: attention heads; H is a multiple.
        dropout: of the sublayers' outputs.
        feed: width of the feed-forward layer; None: there is none.
    """

    def __init__(self, hidden: int, heads: int, dropout: float, feed: int | None) -> None:
        super().__init__()
        self.heads = heads
        self.query_norm = InnerNorm(hidden)
        self.key_norm = InnerNorm(hidden)
        self.query = nn.Linear(hidden, hidden)
        self.key_value = nn.Linear(hidden, 2 * hidden)
        self.output = nn.Linear(hidden, hidden)
        self.feed: nn.Sequential | None = None
        if feed is not None:
            self.feed_norm = InnerNorm(hidden)
            self.feed = nn.Sequential(nn.Linear(hidden, feed), nn.GELU(), nn.Linear(feed, hidden))
        self.dropout = nn.Dropout(dropout)

    def forward(self, own_BNH: Tensor, other_BMH: Tensor, other_present_BM: Tensor) -> Tensor:
        """(B, N, H): `own` after looking at `other`."""
        size, count, hidden = own_BNH.shape
        if other_BMH.shape[1]:
            query = self.query(self.query_norm(own_BNH))
            key, value = self.key_value(self.key_norm(other_BMH)).chunk(2, -1)
            some_B1 = other_present_BM.any(1, keepdim=True)
            # Where nothing is present everything is admitted (a softmax over nothing is NaN),
            # and the result is then zeroed.
            mask = (other_present_BM | ~some_B1)[:, None, None, :]
            split = (size, -1, self.heads, hidden // self.heads)
            seen = F.scaled_dot_product_attention(
                query.view(split).transpose(1, 2),
                key.reshape(split).transpose(1, 2),
                value.reshape(split).transpose(1, 2),
                attn_mask=mask,
            )
            seen = self.output(seen.transpose(1, 2).reshape(size, count, hidden))
            own_BNH = own_BNH + self.dropout(seen * some_B1[..., None])
        if self.feed is None:
            return own_BNH
        fed: Tensor = self.dropout(self.feed(self.feed_norm(own_BNH)))
        return own_BNH + fed
