"""Settings of the built-in losses and negative samplers. Imports no torch."""

from __future__ import annotations

from pydantic import Field

from k3m_kg.config import Settings


class MarginSettings(Settings):
    """Margin ranking.

    Attributes:
        margin: by which a true triple should score higher than a wrong one.
    """

    margin: float = Field(1.0, ge=0)


class NSSASettings(Settings):
    """Self-adversarial negative sampling.

    Attributes:
        margin: gamma of the paper; scores of distances are compared with it.
        temperature: how much more believed negatives weigh.
    """

    margin: float = Field(9.0, ge=0)
    temperature: float = Field(1.0, ge=0)


class InfoNCESettings(Settings):
    """InfoNCE.

    Attributes:
        margin: taken off the true triple's score.
        temperature: that scores are divided by.
    """

    margin: float = Field(0.02, ge=0)
    temperature: float = Field(0.05, gt=0)


class PlainSettings(Settings):
    """Nothing to set."""
