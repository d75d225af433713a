"""Built-in image encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import ImageEncoderPlugin, hookimpl
from k3m_kg_vision.settings import PatchViTSettings

if TYPE_CHECKING:
    from k3m_kg.api import ImageEncoder, ModelContext


def _patch_vit(settings: PatchViTSettings, context: ModelContext) -> ImageEncoder:
    from k3m_kg_vision.patch_vit import PatchViT

    return PatchViT(settings, context)


@hookimpl
def k3m_kg_image_encoders() -> list[ImageEncoderPlugin]:
    """The image encoder that needs no download."""
    return [
        ImageEncoderPlugin(
            "patch-vit",
            "image patches (linear or convolutional stem) and a ViT of any size, from scratch",
            PatchViTSettings,
            _patch_vit,
            requires=("torch", "sklearn", "threadpoolctl"),
        )
    ]
