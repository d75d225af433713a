"""Settings of the built-in interactors."""

from __future__ import annotations

from pydantic import Field

from k3m_kg.api import Settings


class CoAttentionSettings(Settings):
    """Settings of `co-attention`.

    Attributes:
        layers: co-attention layers.
        heads: attention heads; H must be a multiple.
        self_attention: after looking at the others, the tokens of each modality look at each other
            once more in every layer, as ViLBERT's do.
    """

    layers: int = Field(2, ge=1, le=24)
    heads: int = Field(4, ge=1, le=1024)
    self_attention: bool = False
