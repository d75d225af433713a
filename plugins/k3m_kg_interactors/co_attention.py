"""Co-attention: each stream asks the others (ViLBERT's co-TRM; K3M section 3.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from k3m_kg.api import Interactor, initialise
from k3m_kg_interactors.attention import Attention
from k3m_kg_interactors.streams import Streams

if TYPE_CHECKING:
    from k3m_kg.api import ModelContext
    from k3m_kg_interactors.settings import CoAttentionSettings


class CoAttention(Interactor):
    """A stack of layers in which the tokens of each stream look at those of all others."""

    def __init__(self, settings: CoAttentionSettings, context: ModelContext) -> None:
        super().__init__()
        self.streams = Streams(context.modalities, settings.together, context.hidden)
        count, names = settings.layers, self.streams.names
        feed = settings.feed or 2 * context.hidden

        def stacks() -> nn.ModuleDict:
            shape = (context.hidden, settings.heads, context.dropout, feed)
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
        self.streams.reset_parameters()

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """By modality, (B, N, H)."""
        found, there = self.streams.joined(tokens), self.streams.there(present)
        for layer in range(self.layers):
            found = {name: self._look(name, layer, found, there) for name in found}
        normed = {name: self.norms[name](own) for name, own in found.items()}
        return self.streams.apart(normed, tokens)

    def _look(
        self, name: str, layer: int, tokens: dict[str, Tensor], present: Mapping[str, Tensor]
    ) -> Tensor:
        others = [other for other in tokens if other != name]
        own_BNH: Tensor = self.across[name][layer](  # type: ignore[index]
            tokens[name],
            joined([tokens[other] for other in others], tokens[name]),
            joined([present[other] for other in others], present[name]),
        )
        if self.within is not None:
            own_BNH = self.within[name][layer](own_BNH, own_BNH, present[name])  # type: ignore[index]
        return own_BNH


def joined(parts: list[Tensor], like: Tensor) -> Tensor:
    """All tokens one after another; none, for a stream that is alone."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts, 1) if parts else like[:, :0]
