"""Built-in structure aggregations: a product's triples into `c*`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from k3m_kg.api import NoSettings, Settings, StructurePlugin, hookimpl

if TYPE_CHECKING:
    from k3m_kg.api import ModelContext, StructureAggregation

_TORCH = ("torch",)


class StarAttentionSettings(Settings):
    """Settings of `star-attention`.

    Attributes:
        heads: attention heads, each as wide as H, averaged.
        backend: `torch` segment operations, or `dgl`; equal results.
    """

    heads: int = Field(8, ge=1, le=1024)
    backend: Literal["torch", "dgl"] = "torch"


def _star_attention(settings: StarAttentionSettings, context: ModelContext) -> StructureAggregation:
    from k3m_kg_structures.star_attention import StarAttention

    return StarAttention(context.hidden, settings.heads, settings.backend)


def _none(settings: NoSettings, context: ModelContext) -> StructureAggregation:
    from k3m_kg_structures.without import Without

    return Without()


@hookimpl
def k3m_kg_structures() -> list[StructurePlugin]:
    """The paper's attention over a product's star of triples, and none."""
    return [
        StructurePlugin(
            "star-attention",
            "attention over the product's triples, on torch or DGL (the paper's)",
            StarAttentionSettings,
            _star_attention,
            requires=_TORCH,
        ),
        StructurePlugin(
            "none", "triples are not aggregated (the ablation)", NoSettings, _none, requires=_TORCH
        ),
    ]
