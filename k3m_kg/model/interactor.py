"""The image-text interactor: co-attention, each modality asking the other (ViLBERT's co-TRM)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CrossAttention(nn.Module):
    """Pre-norm cross attention and feed-forward of one stream.

    A query whose other modality is absent gets nothing from it: its attention output is zero.
    """

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query_norm = nn.LayerNorm(hidden)
        self.key_norm = nn.LayerNorm(hidden)
        self.query = nn.Linear(hidden, hidden)
        self.key_value = nn.Linear(hidden, 2 * hidden)
        self.output = nn.Linear(hidden, hidden)
        self.feed_norm = nn.LayerNorm(hidden)
        self.feed = nn.Sequential(
            nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden)
        )
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
        fed: Tensor = self.dropout(self.feed(self.feed_norm(own_BNH)))
        return own_BNH + fed


class Interactor(nn.Module):
    """A stack of co-attention layers over title tokens and image regions."""

    def __init__(self, hidden: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.title = nn.ModuleList(CrossAttention(hidden, heads, dropout) for _ in range(layers))
        self.image = nn.ModuleList(CrossAttention(hidden, heads, dropout) for _ in range(layers))
        self.title_norm = nn.LayerNorm(hidden)
        self.image_norm = nn.LayerNorm(hidden)

    def forward(
        self,
        title_BTH: Tensor,
        title_present_BT: Tensor,
        image_BRH: Tensor,
        image_present_BR: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """`hI_text` (B, T, H) and `hT_image` (B, R, H)."""
        for title_layer, image_layer in zip(self.title, self.image, strict=True):
            title_BTH, image_BRH = (
                title_layer(title_BTH, image_BRH, image_present_BR),
                image_layer(image_BRH, title_BTH, title_present_BT),
            )
        return self.title_norm(title_BTH), self.image_norm(image_BRH)


def masked_mean(vectors_BNH: Tensor, present_BN: Tensor) -> Tensor:
    """(B, H): the mean over present items; zero where there is none."""
    weight = present_BN.to(vectors_BNH.dtype)
    total = torch.einsum("bnh,bn->bh", vectors_BNH, weight)
    return total / weight.sum(1, keepdim=True).clamp_min(1)
