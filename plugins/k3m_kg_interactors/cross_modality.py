"""The cross-modality encoder of LXMERT (Tan and Bansal, EMNLP 2019), for any modalities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

from k3m_kg.api import Interactor, initialise
from k3m_kg_interactors.attention import Attention
from k3m_kg_interactors.co_attention import joined
from k3m_kg_interactors.streams import Streams

if TYPE_CHECKING:
    from k3m_kg.api import ModelContext
    from k3m_kg_interactors.settings import CrossModalitySettings


class CrossModality(Interactor):
    """In every layer each stream looks at the others, then at itself, then is fed forward.

    The weights with which streams look at each other are the same for all, as in LXMERT.
    """

    def __init__(self, settings: CrossModalitySettings, context: ModelContext) -> None:
        super().__init__()
        self.streams = Streams(context.modalities, settings.together, context.hidden)
        count, names = settings.layers, self.streams.names
        shape = (context.hidden, settings.heads, context.dropout)
        feed = settings.feed or 2 * context.hidden
        self.across = nn.ModuleList(Attention(*shape, None) for _ in range(count))
        self.within = nn.ModuleDict(
            {name: nn.ModuleList(Attention(*shape, feed) for _ in range(count)) for name in names}
        )
        self.norms = nn.ModuleDict({name: nn.LayerNorm(context.hidden) for name in names})

    def reset_parameters(self) -> None:
        """Xavier weights."""
        initialise(self)
        self.streams.reset_parameters()

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """By modality, (B, N, H)."""
        found, there = self.streams.joined(tokens), self.streams.there(present)
        for layer, across in enumerate(self.across):
            looked = {}
            for name, own_BNH in found.items():
                others = [other for other in found if other != name]
                seen_BMH = joined([found[other] for other in others], own_BNH)
                there_BM = joined([there[other] for other in others], there[name])
                looked[name] = across(own_BNH, seen_BMH, there_BM)
            found = {
                name: self.within[name][layer](own_BNH, own_BNH, there[name])  # type: ignore[index]
                for name, own_BNH in looked.items()
            }
        normed = {name: self.norms[name](own_BNH) for name, own_BNH in found.items()}
        return self.streams.apart(normed, tokens)
