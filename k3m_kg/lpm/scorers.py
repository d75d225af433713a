"""The built-in link scorers: PyKEEN interactions behind the `LinkScorer` contract.

Importing this module imports neither torch nor PyKEEN; the factories do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from k3m_kg.api import LinkScorerPlugin, Settings, hookimpl

if TYPE_CHECKING:
    from k3m_kg.api import LinkScorer


class TransESettings(Settings):
    """TransE.

    Attributes:
        p: the norm of the translation's error; 2 is the paper's.
        power_norm: score by the p-th power of the norm, without the root.
    """

    p: int = Field(default=2, ge=1, le=8)
    power_norm: bool = False


class NoSettings(Settings):
    """DistMult, ComplEx, RotatE: nothing to set."""


def _transe(settings: TransESettings, hidden: int) -> LinkScorer:
    from k3m_kg.lpm.interactions import TransEScorer

    return TransEScorer(settings.p, settings.power_norm)


def _distmult(settings: NoSettings, hidden: int) -> LinkScorer:
    from k3m_kg.lpm.interactions import DistMultScorer

    return DistMultScorer()


def _complex(settings: NoSettings, hidden: int) -> LinkScorer:
    from k3m_kg.lpm.interactions import ComplExScorer

    return ComplExScorer(hidden)


def _rotate(settings: NoSettings, hidden: int) -> LinkScorer:
    from k3m_kg.lpm.interactions import RotatEScorer

    return RotatEScorer(hidden)


def _plugin(name: str, summary: str, config: type[Settings], factory: Any) -> LinkScorerPlugin:
    return LinkScorerPlugin(name, summary, config, factory)


@hookimpl
def k3m_kg_link_scorers() -> list[LinkScorerPlugin]:
    """TransE, DistMult, ComplEx and RotatE."""
    return [
        _plugin("transe", "-||h + r - t||: the paper's scorer", TransESettings, _transe),
        _plugin("distmult", "<h, r, t>: bilinear with a diagonal relation", NoSettings, _distmult),
        _plugin("complex", "Re <h, r, conj(t)>: H reals as H/2 complex", NoSettings, _complex),
        _plugin("rotate", "-||h * r - t||: the relation turns phases", NoSettings, _rotate),
    ]
