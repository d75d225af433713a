"""The modalities that every catalog may have, registered as any plugin's are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from k3m_kg.config import NoSettings, Settings
from k3m_kg.plugin.hookspecs import ModalityPlugin, hookimpl

if TYPE_CHECKING:
    from k3m_kg.contracts import Modality, ModalityContext

_TORCH = ("torch",)


def _title(settings: NoSettings, context: ModalityContext) -> Modality:
    from k3m_kg.batches.title import TitleModality

    return TitleModality(context.text_encoder, context.sizes.max_title_tokens)


class DescriptionSettings(Settings):
    """Settings of `description`.

    Attributes:
        properties: which values are descriptions: of a product the first of these that it has;
            where empty, the property with long texts that most products have.
        max_tokens: T; longer texts are cut.
    """

    properties: tuple[str, ...] = ()
    max_tokens: int = Field(96, ge=1, le=512)


def _description(settings: DescriptionSettings, context: ModalityContext) -> Modality:
    from k3m_kg.batches.description import DescriptionModality

    return DescriptionModality(context.text_encoder, settings.max_tokens, settings.properties)


class KnowledgeSettings(Settings):
    """Settings of `knowledge`.

    Attributes:
        max_tokens: tokens that are read; further triples are not.
    """

    max_tokens: int = Field(128, ge=1, le=1024)


def _knowledge(settings: KnowledgeSettings, context: ModalityContext) -> Modality:
    from k3m_kg.batches.knowledge import KnowledgeModality

    return KnowledgeModality(context.text_encoder, settings.max_tokens)


def _image(settings: NoSettings, context: ModalityContext) -> Modality:
    from k3m_kg.batches.image import ImageModality

    every = context.sizes.picture == "random"
    return ImageModality(context.image_encoder, every=every, seed=context.model.seed)


@hookimpl
def k3m_kg_modalities() -> list[ModalityPlugin]:
    """What K3M looks at besides triples."""
    return [
        ModalityPlugin(
            "title", "the product's title, by the text encoder", NoSettings, _title, requires=_TORCH
        ),
        ModalityPlugin(
            "image",
            "the product's picture, by the image encoder",
            NoSettings,
            _image,
            requires=_TORCH,
        ),
        ModalityPlugin(
            "description",
            "a long text among the product's values, by the text encoder",
            DescriptionSettings,
            _description,
            requires=_TORCH,
        ),
        ModalityPlugin(
            "knowledge",
            "the product's triples as a text, by the text encoder (the +PKG of K3M's baselines)",
            KnowledgeSettings,
            _knowledge,
            requires=_TORCH,
        ),
    ]
