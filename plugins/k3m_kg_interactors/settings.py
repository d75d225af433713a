"""Settings of the built-in interactors."""

from __future__ import annotations

from pydantic import Field

from k3m_kg.api import Settings


class SingleStreamSettings(Settings):
    """Settings of `single-stream`.

    Attributes:
        layers: of the transformer.
        heads: attention heads; H must be a multiple.
        feed: width of the feed-forward layers; 0: twice H.
    """

    layers: int = Field(4, ge=1, le=24)
    heads: int = Field(4, ge=1, le=1024)
    feed: int = Field(0, ge=0, le=1 << 16)


class CrossModalitySettings(Settings):
    """Settings of `cross-modality`.

    Attributes:
        layers: in each, every stream looks at the others, then at itself.
        heads: attention heads; H must be a multiple.
        feed: width of the feed-forward layers; 0: twice H.
        together: modalities that make one stream, such as `[[title, knowledge]]`; each of the
            others is one of its own.
    """

    layers: int = Field(2, ge=1, le=24)
    heads: int = Field(4, ge=1, le=1024)
    feed: int = Field(0, ge=0, le=1 << 16)
    together: tuple[tuple[str, ...], ...] = ()


class CoAttentionSettings(Settings):
    """Settings of `co-attention`.

    Attributes:
        layers: co-attention layers.
        heads: attention heads; H must be a multiple.
        self_attention: after looking at the others, the tokens of each modality look at each other
            once more in every layer, as ViLBERT's do.
        feed: width of the feed-forward layers; 0: twice H.
        together: modalities that make one stream, such as `[[title, knowledge]]`; each of the
            others is one of its own.
    """

    layers: int = Field(2, ge=1, le=24)
    heads: int = Field(4, ge=1, le=1024)
    self_attention: bool = False
    feed: int = Field(0, ge=0, le=1 << 16)
    together: tuple[tuple[str, ...], ...] = ()
