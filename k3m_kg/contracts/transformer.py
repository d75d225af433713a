"""Transformer layers that compute nothing for padding.

All that is done token by token (norms, projections, feed-forward) is done on the N tokens that
there are of a batch (B, T), one after another; only the attention itself sees them padded.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.errors import ConfigError


@dataclass(slots=True)
class Packing:
    """Where the tokens of a batch stand.

    Attributes:
        shape: (B, T).
        place_N: of each token its place among B * T; None where every place holds one.
        attended_B11T: what is looked at; None where that is everything.
    """

    shape: tuple[int, int]
    place_N: Tensor | None
    attended_B11T: Tensor | None

    def packed(self, padded_BTH: Tensor) -> Tensor:
        """(N, H) of (B, T, H)."""
        flat = padded_BTH.flatten(0, 1)
        return flat if self.place_N is None else flat.index_select(0, self.place_N)

    def padded(self, packed_NH: Tensor) -> Tensor:
        """(B, T, H) of (N, H), zero where there is no token."""
        batch, length = self.shape
        if self.place_N is not None:
            empty = packed_NH.new_zeros(batch * length, packed_NH.shape[-1])
            packed_NH = empty.index_copy(0, self.place_N, packed_NH)
        return packed_NH.view(batch, length, -1)


class TransformerLayer(nn.TransformerEncoderLayer):
    """torch's layer, weights and all, over packed tokens."""

    def forward(self, tokens_NH: Tensor, packing: Packing) -> Tensor:  # type: ignore[override]
        """(N, H)."""
        if self.norm_first:
            tokens_NH = tokens_NH + self._seen(self.norm1(tokens_NH), packing)
            return tokens_NH + self._fed(self.norm2(tokens_NH))
        tokens_NH = self.norm1(tokens_NH + self._seen(tokens_NH, packing))
        fed_NH: Tensor = self.norm2(tokens_NH + self._fed(tokens_NH))
        return fed_NH

    def _seen(self, tokens_NH: Tensor, packing: Packing) -> Tensor:
        attention = self.self_attn
        batch, length = packing.shape
        joint_NF = F.linear(tokens_NH, attention.in_proj_weight, attention.in_proj_bias)
        split = (batch, length, 3, attention.num_heads, attention.head_dim)
        query, key, value = packing.padded(joint_NF).view(split).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=packing.attended_B11T)
        seen_NH = packing.packed(seen.transpose(1, 2).reshape(batch, length, -1))
        return self.dropout1(attention.out_proj(seen_NH))  # type: ignore[no-any-return]

    def _fed(self, tokens_NH: Tensor) -> Tensor:
        inner = self.dropout(self.activation(self.linear1(tokens_NH)))
        return self.dropout2(self.linear2(inner))  # type: ignore[no-any-return]


class Transformer(nn.TransformerEncoder):
    """A stack of `TransformerLayer`s; the names of the weights are those of torch's own stack.

    Attributes:
        packs: leave padding out. To count the tokens a GPU must be waited for, so that there it is
            rarely worth it: by default only the CPU does.
    """

    packs: bool | None = None

    def forward(  # type: ignore[override]
        self, tokens_BTH: Tensor, present_BT: Tensor | None = None, seen_BT: Tensor | None = None
    ) -> Tensor:
        """(B, T, H); what stands where there is no token means nothing.

        Args:
            tokens_BTH: embedded tokens.
            present_BT: which of them there are; all without it.
            seen_BT: which of them the others look at; those present without it. A row in which
                nothing is to be seen looks at all of itself.
        """
        place_N = attended_B11T = None
        if present_BT is not None or seen_BT is not None:
            shown_BT = present_BT if seen_BT is None else seen_BT
            assert shown_BT is not None
            attended_B11T = (shown_BT | ~shown_BT.any(1, keepdim=True))[:, None, None]
        packs = tokens_BTH.device.type == "cpu" if self.packs is None else self.packs
        if present_BT is not None and packs:
            place_N = present_BT.flatten().nonzero()[:, 0]
        batch, length, _ = tokens_BTH.shape
        packing = Packing((batch, length), place_N, attended_B11T)
        tokens_NH = packing.packed(tokens_BTH)
        for layer in self.layers:
            tokens_NH = layer(tokens_NH, packing)
        if self.norm is not None:
            tokens_NH = self.norm(tokens_NH)
        return packing.padded(tokens_NH)


def transformer(
    hidden: int,
    layers: int,
    heads: int,
    *,
    expansion: int = 2,
    dropout: float = 0.0,
    pre_norm: bool = True,
    where: str = "heads",
) -> Transformer:
    """Transformer layers of width `hidden`, batch first, GELU, no attention dropout.

    Args:
        hidden: H.
        layers: how many; without any, tokens stay what they are.
        heads: attention heads; H must be a multiple.
        expansion: width of the feed-forward layer as a multiple of H.
        dropout: of the sublayers' outputs.
        pre_norm: normalise before each sublayer and once at the end, else after each.
        where: the setting to name in the error.

    Raises:
        ConfigError: the heads do not divide H.
    """
    if hidden % heads:
        raise ConfigError(f"hidden ({hidden}) must be a multiple of heads ({heads})", where=where)
    layer = TransformerLayer(
        hidden,
        heads,
        expansion * hidden,
        dropout=dropout,
        activation="gelu",
        batch_first=True,
        norm_first=pre_norm,
    )
    norm = nn.LayerNorm(hidden) if pre_norm and layers else None
    return Transformer(layer, layers, norm=norm, enable_nested_tensor=False)
