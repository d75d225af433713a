"""Built-in interactors: how modalities look at each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import ConfigError, InteractorPlugin, NoSettings, hookimpl
from k3m_kg_interactors.settings import (
    CoAttentionSettings,
    CrossModalitySettings,
    SingleStreamSettings,
)

if TYPE_CHECKING:
    from k3m_kg.api import Interactor, ModelContext

_TORCH = ("torch",)


def _check_heads(heads: int, context: ModelContext) -> None:
    if context.hidden % heads:
        raise ConfigError(
            f"model.hidden ({context.hidden}) must be a multiple of interactor.heads ({heads})",
            where="model.interactor.heads",
        )


def _co_attention(settings: CoAttentionSettings, context: ModelContext) -> Interactor:
    _check_heads(settings.heads, context)
    from k3m_kg_interactors.co_attention import CoAttention

    return CoAttention(settings, context)


def _cross_modality(settings: CrossModalitySettings, context: ModelContext) -> Interactor:
    _check_heads(settings.heads, context)
    from k3m_kg_interactors.cross_modality import CrossModality

    return CrossModality(settings, context)


def _single_stream(settings: SingleStreamSettings, context: ModelContext) -> Interactor:
    _check_heads(settings.heads, context)
    from k3m_kg_interactors.single_stream import SingleStream

    return SingleStream(settings, context)


def _none(settings: NoSettings, context: ModelContext) -> Interactor:
    from k3m_kg_interactors.apart import Apart

    return Apart()


@hookimpl
def k3m_kg_interactors() -> list[InteractorPlugin]:
    """The paper's co-attention, those of the models it is compared with, and none."""
    return [
        InteractorPlugin(
            "co-attention",
            "each modality asks all others (the paper's; ViLBERT's co-TRM)",
            CoAttentionSettings,
            _co_attention,
            requires=_TORCH,
        ),
        InteractorPlugin(
            "cross-modality",
            "each modality asks all others, then itself, layer by layer (LXMERT's)",
            CrossModalitySettings,
            _cross_modality,
            requires=_TORCH,
        ),
        InteractorPlugin(
            "single-stream",
            "one transformer over the tokens of all modalities (VL-BERT's)",
            SingleStreamSettings,
            _single_stream,
            requires=_TORCH,
        ),
        InteractorPlugin(
            "none", "each modality by itself (the ablation)", NoSettings, _none, requires=_TORCH
        ),
    ]
