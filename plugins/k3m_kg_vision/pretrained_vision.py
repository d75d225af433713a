"""The image encoder `pretrained-vision`."""

from __future__ import annotations

from pathlib import Path

from k3m_kg.api import ModelContext
from k3m_kg_vision import transformers_vision
from k3m_kg_vision.network import Network
from k3m_kg_vision.region_features import RegionFeatures
from k3m_kg_vision.settings import PretrainedVisionSettings


class PretrainedVision(RegionFeatures):
    """Patches or grid cells of a transformers vision model."""

    def __init__(self, settings: PretrainedVisionSettings, context: ModelContext) -> None:
        self.source = settings
        super().__init__(settings, context)

    def _pretrained(self) -> Network:
        return transformers_vision.pretrained(self.source)

    def _restored(self, folder: Path) -> Network:
        return transformers_vision.restored(folder)
