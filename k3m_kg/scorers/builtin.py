"""The built-in link scorers: every PyKEEN interaction behind the `LinkScorer` contract.

Importing this module imports neither torch nor PyKEEN; the factories do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from k3m_kg.config import Settings
from k3m_kg.plugin.hookspecs import LinkScorerPlugin, hookimpl
from k3m_kg.scorers.settings import INTERACTIONS

if TYPE_CHECKING:
    from k3m_kg.contracts import LinkScorer


def _for_width(name: str) -> Callable[[Settings, int], LinkScorer]:
    def build(settings: Settings, hidden: int) -> LinkScorer:
        from k3m_kg.scorers.build import build_for_width

        return build_for_width(name, settings, hidden)

    return build


def _for_dimension(name: str) -> Callable[[Settings, int], LinkScorer]:
    def build(settings: Settings, dimension: int) -> LinkScorer:
        from k3m_kg.scorers.build import build_scorer

        return build_scorer(name, settings, dimension)

    return build


@hookimpl
def k3m_kg_link_scorers() -> list[LinkScorerPlugin]:
    """Every PyKEEN interaction, by PyKEEN's name."""
    return [
        LinkScorerPlugin(
            name,
            interaction.summary,
            interaction.config,
            _for_width(name),
            for_dimension=_for_dimension(name),
            requires=("torch", "pykeen"),
        )
        for name, interaction in INTERACTIONS.items()
    ]
