"""Regions from a file, found by a picture's hash or by its file's name."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from k3m_kg.api import ConfigError, ModelContext, read_record
from k3m_kg_vision.feature_files import FeatureFile, FileRegions, identity, open_features
from k3m_kg_vision.network_input import RegionsRecord
from k3m_kg_vision.object_regions import ObjectRegions, boxes_with_area, colours_in
from k3m_kg_vision.settings import PrecomputedSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_LOG = logging.getLogger(__name__)
_ASSET = "precomputed.json"
_VERSION = 1  # of what is prepared


def _names_by_hash(folder: Path) -> dict[str, str]:
    names = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with path.open("rb") as file:
                names[hashlib.file_digest(file, "sha256").hexdigest()] = path.stem
    return names


class PrecomputedRegions(ObjectRegions):
    """A picture that the file does not have, has no region: it is as a product without picture."""

    settings: PrecomputedSettings

    def __init__(self, settings: PrecomputedSettings, context: ModelContext) -> None:
        super().__init__(settings, context)
        self._file: FeatureFile | None = None
        self._names: dict[str, str] = {}
        self._asked = self._absent = 0
        if context.restoring:
            return
        file = self._open()
        if settings.targets == "classes" and not file.classes:
            raise ConfigError(
                "the file tells no classes", where="image_encoder.targets", hint="codebook, or none"
            )
        self._record: dict[str, Any] = {
            "width": file.width,
            "classes": file.classes,
            "identity": self._identity,
        }
        self._stand_on(file.width)

    def _open(self) -> FeatureFile:
        path = Path(self.settings.path)
        self._file = found = open_features(path)
        self._identity = identity(path)
        if self.settings.pictures:
            try:
                self._names = _names_by_hash(Path(self.settings.pictures))
            except OSError as error:
                raise ConfigError(
                    f"the pictures cannot be read: {error.strerror}",
                    where=f"image_encoder.pictures: {self.settings.pictures}",
                ) from None
        return found

    @property
    def _classes(self) -> int:
        return int(self._record["classes"])

    def train(self, mode: bool = True) -> PrecomputedRegions:
        """Preparing is over with training: say what was absent."""
        super().train(mode)
        if mode and self._absent:
            _LOG.warning(
                "%d of %d pictures have no regions in %s: they are as if absent",
                self._absent,
                self._asked,
                self.settings.path,
            )
            self._asked = self._absent = 0
        return self

    def cache_key(self) -> str:
        """Of the file and of what is kept of it."""
        kept = f"{self.settings.regions}-{self.settings.targets}-{len(self._names)}"
        known = self._identity if self._file is not None else "none"
        return f"precomputed-{_VERSION}-{known}-{kept}"

    def prepare(self, images: Sequence[Image], hashes: Sequence[str]) -> dict[str, np.ndarray]:
        """The first R regions that the file has of each picture."""
        count, size = self.settings.regions, len(images)
        found: dict[str, np.ndarray] = {
            "features": np.zeros((size, count, int(self._record["width"])), np.float16),
            "boxes": np.zeros((size, count, 5), np.float32),
            "there": np.zeros((size, count), bool),
            "cells": np.zeros((size, count, 48), np.uint8),
        }
        if self.settings.targets == "classes":
            found["classes"] = np.full((size, count, self._classes), 1 / self._classes, np.float16)
        for place, (image, digest) in enumerate(zip(images, hashes, strict=True)):
            self._asked += 1
            regions = self._regions(digest)
            if regions is None:
                self._absent += 1
                continue
            held = min(count, len(regions.features))
            boxes = boxes_with_area(regions.corners[:held])
            found["features"][place, :held] = regions.features[:held].clip(-6e4, 6e4)
            found["boxes"][place, :held] = boxes
            found["there"][place, :held] = True
            found["cells"][place, :held] = colours_in(image, boxes)
            if regions.classes is not None and "classes" in found:
                found["classes"][place, :held] = regions.classes[:held]
        return found

    def _regions(self, digest: str) -> FileRegions | None:
        if self._file is None:
            return None
        for name in (digest, self._names.get(digest)):
            if name is not None and (regions := self._file.get(name)) is not None:
                if regions.features.shape[1] != self._record["width"]:
                    raise ConfigError(
                        f"the regions of {name!r} have {regions.features.shape[1]} numbers, "
                        f"others {self._record['width']}",
                        where=str(self.settings.path),
                    )
                if regions.classes is not None and regions.classes.shape[1] != self._classes:
                    raise ConfigError(
                        f"the regions of {name!r} tell {regions.classes.shape[1]} classes, "
                        f"others {self._classes}",
                        where=str(self.settings.path),
                    )
                return regions
        return None

    def save_assets(self, folder: Path) -> None:
        """How wide the regions are; the file itself stays where it is."""
        (folder / _ASSET).write_text(json.dumps(self._record) + "\n", encoding="utf-8")

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote, and the file where it still is."""
        self._record = read_record(folder / _ASSET, RegionsRecord).model_dump()
        if Path(self.settings.path).exists():
            self._open()
        else:
            _LOG.warning("%s is gone: new pictures have no regions", self.settings.path)
        self._stand_on(int(self._record["width"]))
