"""Co-attention: each modality asks the others (ViLBERT's co-TRM; K3M section 3.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import Interactor, RepeatedLayer, initialise

if TYPE_CHECKING:
    from k3m_kg.api import ModelContext
    from k3m_kg_interactors.settings import CoAttentionSettings


class Attention(RepeatedLayer):
    """Pre-norm attention of one stream to another (or to itself), and feed-forward.

    A query that finds nothing present gets nothing: its attention output is zero.
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


class CoAttention(Interactor):
    """A stack of layers in which the tokens of each modality look at those of all others."""

    def __init__(self, settings: CoAttentionSettings, context: ModelContext) -> None:
        super().__init__()
        count, names = settings.layers, context.modalities

        def stacks() -> nn.ModuleDict:
            shape = (context.hidden, settings.heads, context.dropout)
            return nn.ModuleDict(
                {name: nn.ModuleList(Attention(*shape) for _ in range(count)) for name in names}
            )

        self.across = stacks()
        self.norms = nn.ModuleDict({name: nn.LayerNorm(context.hidden) for name in names})
        self.within = stacks() if settings.self_attention else None
        self.layers = count

    def reset_parameters(self) -> None:
        """Xavier weights."""
        initialise(self)

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """By modality, (B, N, H)."""
        found = dict(tokens)
        for layer in range(self.layers):
            found = {name: self._look(name, layer, found, present) for name in found}
        return {name: self.norms[name](own) for name, own in found.items()}

    def _look(
        self, name: str, layer: int, tokens: dict[str, Tensor], present: Mapping[str, Tensor]
    ) -> Tensor:
        others = [other for other in tokens if other != name]
        own_BNH: Tensor = self.across[name][layer](  # type: ignore[index]
            tokens[name],
            _joined([tokens[other] for other in others], tokens[name]),
            _joined([present[other] for other in others], present[name]),
        )
        if self.within is not None:
            own_BNH = self.within[name][layer](own_BNH, own_BNH, present[name])  # type: ignore[index]
        return own_BNH


def _joined(parts: list[Tensor], like: Tensor) -> Tensor:
    """All tokens one after another; none, for a modality that is alone."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts, 1) if parts else like[:, :0]
