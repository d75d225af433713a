"""The built-in losses and negative samplers of `k3m-kg kge train`.

Importing this module imports no torch; the factories do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k3m_kg.lpm.settings import InfoNCESettings, MarginSettings, NSSASettings, PlainSettings
from k3m_kg.plugin.hookspecs import LinkLossPlugin, NegativeSamplerPlugin, hookimpl

if TYPE_CHECKING:
    from k3m_kg.contracts import LinkLoss, NegativeSampler, SamplerContext

_NEEDS = ("torch",)


def _margin(settings: MarginSettings) -> LinkLoss:
    from k3m_kg.lpm.losses import margin_ranking

    return lambda p, n, mask: margin_ranking(p, n, mask, settings.margin)


def _nssa(settings: NSSASettings) -> LinkLoss:
    from k3m_kg.lpm.losses import nssa

    return lambda p, n, mask: nssa(p, n, mask, settings.margin, settings.temperature)


def _infonce(settings: InfoNCESettings) -> LinkLoss:
    from k3m_kg.lpm.losses import info_nce

    return lambda p, n, mask: info_nce(p, n, mask, settings.margin, settings.temperature)


def _bce(settings: PlainSettings) -> LinkLoss:
    from k3m_kg.lpm.losses import binary_cross_entropy

    return binary_cross_entropy


def _cross_entropy(settings: PlainSettings) -> LinkLoss:
    from k3m_kg.lpm.losses import info_nce

    return lambda p, n, mask: info_nce(p, n, mask, 0.0, 1.0)


@hookimpl
def k3m_kg_link_losses() -> list[LinkLossPlugin]:
    """Five, each equal to PyKEEN's."""
    return [
        LinkLossPlugin(
            "margin", "max(0, margin - true + wrong)", MarginSettings, _margin, requires=_NEEDS
        ),
        LinkLossPlugin(
            "nssa",
            "self-adversarial: believed negatives weigh more",
            NSSASettings,
            _nssa,
            requires=_NEEDS,
        ),
        LinkLossPlugin(
            "infonce",
            "cross-entropy with a temperature",
            InfoNCESettings,
            _infonce,
            requires=_NEEDS,
        ),
        LinkLossPlugin("bce", "each triple true or false", PlainSettings, _bce, requires=_NEEDS),
        LinkLossPlugin(
            "cross-entropy",
            "the true one among its negatives",
            PlainSettings,
            _cross_entropy,
            requires=_NEEDS,
        ),
    ]


def _sampler(name: str) -> Any:
    def build(settings: PlainSettings, context: SamplerContext) -> NegativeSampler:
        from k3m_kg.lpm import negative_samplers as samplers

        kinds: dict[str, Any] = {
            "uniform": samplers.UniformSampler,
            "bernoulli": samplers.BernoulliSampler,
            "type": samplers.TypeSampler,
            "batch": samplers.BatchSampler,
            "all": samplers.AllSampler,
        }
        found: NegativeSampler = kinds[name](context)
        return found

    return build


@hookimpl
def k3m_kg_negative_samplers() -> list[NegativeSamplerPlugin]:
    """Five."""
    summaries = {
        "uniform": "any entity, for head and tail equally often",
        "bernoulli": "any entity, on the side where it is less likely to be true",
        "type": "what the relation has on that side in training",
        "batch": "the answers of the group's other triples",
        "all": "every entity",
    }
    return [
        NegativeSamplerPlugin(name, summary, PlainSettings, _sampler(name), requires=_NEEDS)
        for name, summary in summaries.items()
    ]
