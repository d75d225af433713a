"""A gated fusion for k3m-kg."""

from pydantic import Field

from k3m_kg.api import FusionPlugin, Settings, hookimpl

NAME = "example-gated"


class GatedSettings(Settings):
    """Settings of `example-gated`.

    Attributes:
        open: how much of the interactive source the gates let through before training.
    """

    open: float = Field(default=0.5, gt=0, lt=1)


def build(settings, context):
    from example_gated_fusion.fusion import Gated

    return Gated(context.hidden, settings.open)


@hookimpl
def k3m_kg_fusions():
    summary = "a gate per unit, computed from both sources, mixes them"
    record = FusionPlugin(NAME, summary, GatedSettings, build, requires=("torch",))
    return [record]
