"""One transformer over the tokens of all modalities (VL-BERT, Su et al., ICLR 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

from k3m_kg.api import Interactor, initialise
from k3m_kg_interactors.attention import Attention
from k3m_kg_interactors.streams import Streams

if TYPE_CHECKING:
    from k3m_kg.api import ModelContext
    from k3m_kg_interactors.settings import SingleStreamSettings


class SingleStream(Interactor):
    """Tokens of all modalities, with a type each, look at all that are there."""

    def __init__(self, settings: SingleStreamSettings, context: ModelContext) -> None:
        super().__init__()
        self.streams = Streams(context.modalities, [context.modalities], context.hidden)
        shape = (context.hidden, settings.heads, context.dropout)
        feed = settings.feed or 2 * context.hidden
        self.layers = nn.ModuleList(Attention(*shape, feed) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(context.hidden)

    def reset_parameters(self) -> None:
        """Xavier weights."""
        initialise(self)
        self.streams.reset_parameters()

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """By modality, (B, N, H)."""
        streams, there = self.streams.joined(tokens), self.streams.there(present)
        (name,) = streams
        own_BNH = streams[name]
        for layer in self.layers:
            own_BNH = layer(own_BNH, own_BNH, there[name])
        return self.streams.apart({name: self.norm(own_BNH)}, tokens)
