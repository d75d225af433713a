"""Built-in fusion strategies: what a token says alone with what it says after interaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from k3m_kg.api import FusionPlugin, NoSettings, Settings, hookimpl

if TYPE_CHECKING:
    from k3m_kg.api import Fusion, ModelContext

_TORCH = ("torch",)


class HardSettings(Settings):
    """Settings of `hard-spl`.

    Attributes:
        temperature: of the Gumbel-softmax.
        gates: what the Gumbel-softmax samples from: the `sigmoid` of the gates, as in the paper
            (the likelier source is then picked at most 73 % of the time), or the `linear` gates
            themselves (the choice can become certain).
    """

    temperature: float = Field(default=1.0, gt=0)
    gates: Literal["sigmoid", "linear"] = "sigmoid"


def _mean(settings: NoSettings, context: ModelContext) -> Fusion:
    from k3m_kg_fusion.strategies import Mean

    return Mean()


def _soft(settings: NoSettings, context: ModelContext) -> Fusion:
    from k3m_kg_fusion.strategies import SoftSampling

    return SoftSampling(context.hidden)


def _hard(settings: HardSettings, context: ModelContext) -> Fusion:
    from k3m_kg_fusion.strategies import HardSampling

    return HardSampling(context.hidden, settings.temperature, settings.gates == "sigmoid")


class ExpertsSettings(Settings):
    """Settings of `experts` (after MoMoK, Zhang et al., ICLR 2025).

    Attributes:
        experts: ways to merge, mixed for each token.
        width: inner units of each; 0: half of H.
    """

    experts: int = Field(4, ge=1, le=64)
    width: int = Field(0, ge=0, le=1 << 16)


def _experts(settings: ExpertsSettings, context: ModelContext) -> Fusion:
    from k3m_kg_fusion.experts import Experts

    return Experts(context.hidden, settings.experts, settings.width or max(1, context.hidden // 2))


def _interactive_only(settings: NoSettings, context: ModelContext) -> Fusion:
    from k3m_kg_fusion.strategies import InteractiveOnly

    return InteractiveOnly()


@hookimpl
def k3m_kg_fusions() -> list[FusionPlugin]:
    """The four strategies of the K3M paper, and a mixture of experts."""
    return [
        FusionPlugin("mean", "the average of both", NoSettings, _mean, requires=_TORCH),
        FusionPlugin(
            "soft-spl",
            "sigmoid gates scale each, a linear layer merges",
            NoSettings,
            _soft,
            requires=_TORCH,
        ),
        FusionPlugin(
            "hard-spl",
            "gates pick one of both per hidden unit (the paper's best)",
            HardSettings,
            _hard,
            requires=_TORCH,
        ),
        FusionPlugin(
            "experts",
            "a mixture of experts adds to the average of both",
            ExpertsSettings,
            _experts,
            requires=_TORCH,
        ),
        FusionPlugin(
            "interactive-only",
            "no individual features (the ablation)",
            NoSettings,
            _interactive_only,
            requires=_TORCH,
        ),
    ]
