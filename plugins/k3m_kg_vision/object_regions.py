"""Objects of a picture as regions, each with its box: of a detector, or computed before."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from k3m_kg.api import Description, ModelContext
from k3m_kg_vision.colours import GRID
from k3m_kg_vision.region_encoder import RegionEncoder
from k3m_kg_vision.settings import ObjectSettings

if TYPE_CHECKING:
    from PIL.Image import Image


class ObjectRegions(RegionEncoder):
    """Up to R objects a picture, some pictures with fewer; nothing but its own layers trains.

    Arrays: `features` (I, R, F) float16, `boxes` (I, R, 5) float32, `there` (I, R) bool, `cells`
    (I, R, 48) uint8 mean colours, and `classes` (I, R, C) float16 where targets are classes.
    """

    def __init__(self, settings: ObjectSettings, context: ModelContext) -> None:
        super().__init__(settings, context)
        self.settings = settings

    @property
    @abstractmethod
    def _classes(self) -> int:
        """How many classes the source tells apart."""

    def _stand_on(self, width: int) -> None:
        """Build the layers for features of F = `width`."""
        codes = self.settings.codebook if self.settings.targets == "codebook" else 0
        self._build(width, width, codes)

    def fit(self, prepared: dict[str, Tensor]) -> None:
        """The features' mean and spread, the codebook, the common colours; of what is there."""
        there_IR = prepared["there"]
        if not there_IR.any():
            return
        self._fit_features(prepared["features"][there_IR].float())
        self._fit_codebook(self._standard(prepared["features"][there_IR]))
        self._fit_colours(self._single(prepared["cells"][there_IR][None])[0])

    @property
    def num_targets(self) -> int:
        """C: the source's classes, or the codebook's size."""
        return self._classes if self.settings.targets == "classes" else len(self.codebook_CF)

    def describe(self, arrays: dict[str, Tensor]) -> Description:
        """The objects that are there."""
        return Description(arrays["there"].bool(), arrays["boxes"])

    def targets(self, arrays: dict[str, Tensor]) -> Tensor | None:
        """Classes, whose scores in half precision add up to about one; or nearness to codes."""
        if self.settings.targets != "classes":
            return self._codes(self._standard(arrays["features"]))
        scores_IRC = arrays["classes"].float().clamp_min(1e-6)
        return scores_IRC / scores_IRC.sum(2, keepdim=True)

    def ready_made(self, arrays: dict[str, Tensor], tokens_IR: Tensor) -> Tensor:
        """(I, F): the mean of the objects that are shown."""
        shown_IR = tokens_IR & arrays["there"].bool()
        count_I1 = shown_IR.sum(1, keepdim=True).clamp_min(1)
        return (arrays["features"].float() * shown_IR[..., None]).sum(1) / count_I1

    def forward(self, arrays: dict[str, Tensor], masked_IR: Tensor | None = None) -> Tensor:
        """(I, R, H)."""
        there_IR = arrays["there"].bool()
        features_IRF = self._standard(arrays["features"]) * there_IR[..., None]
        boxes_IR5 = arrays["boxes"] * there_IR[..., None]
        return self._embed(features_IRF, arrays["cells"], boxes_IR5, masked_IR, there_IR)


def boxes_with_area(corners_R4: np.ndarray) -> np.ndarray:
    """(R, 5): x1, y1, x2, y2 within [0, 1] in that order, and the area share."""
    low = np.minimum(corners_R4[:, :2], corners_R4[:, 2:]).clip(0, 1)
    high = np.maximum(corners_R4[:, :2], corners_R4[:, 2:]).clip(0, 1)
    area = np.prod(high - low, 1, keepdims=True)
    return np.concatenate([low, high, area], 1).astype(np.float32)


def colours_in(image: Image, boxes_R5: np.ndarray) -> np.ndarray:
    """(R, 48) uint8: 4 x 4 mean colours within each box, by channel."""
    from PIL import Image as Pillow

    plain, (width, height) = image.convert("RGB"), image.size
    found = np.zeros((len(boxes_R5), 3 * GRID**2), np.uint8)
    for row, (x1, y1, x2, y2) in enumerate((boxes_R5[:, :4] * ([width, height] * 2)).tolist()):
        if x2 - x1 < 1 or y2 - y1 < 1:  # thinner than a pixel: the one that it lies in
            x1, y1 = min(int(x1), width - 1), min(int(y1), height - 1)
            x2, y2 = x1 + 1, y1 + 1
        small = plain.resize((GRID, GRID), Pillow.Resampling.BOX, box=(x1, y1, x2, y2))
        found[row] = np.asarray(small).transpose(2, 0, 1).reshape(-1)
    return found
