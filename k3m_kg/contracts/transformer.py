"""Transformer layers that compute nothing for padding.

All that is done token by token (norms, projections, feed-forward) is done on the N tokens that
there are of a batch (B, T), one after another; only the attention itself sees them padded.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.errors import ConfigError


def computed_in(tokens: Tensor) -> Tensor:
    """Tokens in the precision that matrix products are computed in where they are.

    A stack of layers begins with this, so that what runs through it, residual sums too, is of one
    type: under `autocast` to bfloat16 a float32 stream doubles what the memory has to move.
    """
    kind = tokens.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return tokens.to(torch.get_autocast_dtype(kind))
    return tokens


class InnerNorm(nn.LayerNorm):
    """A LayerNorm within a stack: its result is of the type of the tokens it gets.

    Sums are float32 within it. `autocast` would make the result float32, and a copy of it for the
    matrix product that comes next.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Normalised, of the tokens' own type."""
        kind = tokens.device.type
        if tokens.dtype == self.weight.dtype or not torch.is_autocast_enabled(kind):
            return super().forward(tokens)
        with torch.autocast(kind, enabled=False):
            weight, bias = self.weight.to(tokens.dtype), self.bias.to(tokens.dtype)
            return F.layer_norm(tokens, self.normalized_shape, weight, bias, self.eps)


class RepeatedLayer(nn.Module):
    """A layer that is repeated: `training.compile` compiles it once for all that are alike.

    What it is called with should be tensors alone, of which every size may change.
    """


def _padded(packed_NF: Tensor, place_N: Tensor, batch: int, length: int) -> Tensor:
    """(B, T, F), zero where there is no token."""
    empty = packed_NF.new_zeros(batch * length, packed_NF.shape[-1])
    return empty.index_copy(0, place_N, packed_NF).view(batch, length, -1)


class TransformerLayer(nn.TransformerEncoderLayer, RepeatedLayer):
    """torch's layer, weights and all, over tokens that may be packed."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        for name in ("norm1", "norm2"):
            own = cast("nn.LayerNorm", getattr(self, name))
            setattr(self, name, InnerNorm(list(own.normalized_shape), own.eps))

    def forward(  # type: ignore[override]
        self, tokens: Tensor, place_N: Tensor | None, attended_B11T: Tensor | None
    ) -> Tensor:
        """The tokens after one layer.

        Args:
            tokens: (B, T, H); (N, H) where they are packed.
            place_N: of each packed token its place among B * T.
            attended_B11T: what is looked at; None where that is everything.
        """
        if self.norm_first:
            tokens = tokens + self._seen(self.norm1(tokens), place_N, attended_B11T)
            return tokens + self._fed(self.norm2(tokens))
        tokens = self.norm1(tokens + self._seen(tokens, place_N, attended_B11T))
        fed: Tensor = self.norm2(tokens + self._fed(tokens))
        return fed

    def _seen(self, tokens: Tensor, place_N: Tensor | None, attended_B11T: Tensor | None) -> Tensor:
        attention = self.self_attn
        joint = F.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
        if place_N is not None:
            assert attended_B11T is not None
            joint = _padded(joint, place_N, attended_B11T.shape[0], attended_B11T.shape[-1])
        split = (*joint.shape[:2], 3, attention.num_heads, attention.head_dim)
        query, key, value = joint.view(split).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=attended_B11T)
        seen_BTH = seen.transpose(1, 2).flatten(2)
        seen = seen_BTH if place_N is None else seen_BTH.flatten(0, 1).index_select(0, place_N)
        return self.dropout1(attention.out_proj(seen))  # type: ignore[no-any-return]

    def _fed(self, tokens: Tensor) -> Tensor:
        inner = self.dropout(self.activation(self.linear1(tokens)))
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
        tokens = computed_in(tokens_BTH) if len(self.layers) else tokens_BTH
        if present_BT is not None and packs:
            place_N = present_BT.flatten().nonzero()[:, 0]
            tokens = tokens.flatten(0, 1).index_select(0, place_N)
        for layer in self.layers:
            tokens = layer(tokens, place_N, attended_B11T)
        if self.norm is not None:
            tokens = self.norm(tokens)
        return tokens if place_N is None else _padded(tokens, place_N, *tokens_BTH.shape[:2])


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
