"""Built-in interactors: how modalities look at each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import ConfigError, InteractorPlugin, NoSettings, hookimpl
from k3m_kg_interactors.settings import CoAttentionSettings

if TYPE_CHECKING:
    from k3m_kg.api import Interactor, ModelContext

_TORCH = ("torch",)


def _co_attention(settings: CoAttentionSettings, context: ModelContext) -> Interactor:
    if context.hidden % settings.heads:
        raise ConfigError(
            f"model.hidden ({context.hidden}) must be a multiple of interactor.heads "
            f"({settings.heads})",
            where="model.interactor.heads",
        )
    from k3m_kg_interactors.co_attention import CoAttention

    return CoAttention(settings, context)


def _none(settings: NoSettings, context: ModelContext) -> Interactor:
    from k3m_kg_interactors.apart import Apart

    return Apart()


@hookimpl
def k3m_kg_interactors() -> list[InteractorPlugin]:
    """The paper's co-attention, and none."""
    return [
        InteractorPlugin(
            "co-attention",
            "each modality asks all others (the paper's; ViLBERT's co-TRM)",
            CoAttentionSettings,
            _co_attention,
            requires=_TORCH,
        ),
        InteractorPlugin(
            "none", "each modality by itself (the ablation)", NoSettings, _none, requires=_TORCH
        ),
    ]
