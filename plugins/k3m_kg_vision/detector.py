"""A transformers detector (DETR, RT-DETR, ...): objects, their boxes and what they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoImageProcessor, AutoModelForObjectDetection
from transformers.utils.logging import disable_progress_bar

from k3m_kg.api import (
    ConfigError,
    ModelContext,
    fingerprint,
    hub_access,
    load_frozen,
    read_record,
    save_frozen,
    saved_network,
)
from k3m_kg_vision.network_input import DetectorInput
from k3m_kg_vision.object_regions import ObjectRegions, boxes_with_area, colours_in
from k3m_kg_vision.regions import fitted
from k3m_kg_vision.settings import DetectorSettings

disable_progress_bar()  # a command has one of its own

if TYPE_CHECKING:
    from PIL.Image import Image

_VERSION = 1  # of what is prepared
_CONFIG, _INPUT = "detector-config", "detector-input.json"


class Detector(ObjectRegions):
    """A frozen detector, run once per picture; the surest objects are the regions.

    An object's feature is its query's last hidden state, from which the detector reads its class.
    """

    settings: DetectorSettings

    def __init__(self, settings: DetectorSettings, context: ModelContext) -> None:
        super().__init__(settings, context)
        self._fingerprint: str | None = None
        self._running: tuple[Any, ...] = ()
        if not context.restoring:
            model, record = _pretrained(settings)
            self._take(model, record)

    def _take(self, model: Any, record: dict[str, Any]) -> None:
        self._apart, self._record = (model.requires_grad_(False).eval(),), record
        self._stand_on(int(record["width"]))

    @property
    def _classes(self) -> int:
        return int(self._record["classes"])

    def train(self, mode: bool = True) -> Detector:
        """Preparing is over with training: the memory of the running copy is free."""
        super().train(mode)
        if mode:
            self._running = ()
        return self

    def cache_key(self) -> str:
        """Of the weights, and of what is kept of an answer."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self._apart[0], _VERSION, self._record)
        kept = f"{self.settings.regions}-{self.settings.threshold}-{self.settings.targets}"
        return f"objects-{self._fingerprint}-{kept}"

    def resized(self, image: Image) -> Image:
        """On the white square that the detector takes."""
        return fitted(image, self._record["side"])

    def prepare(self, images: Sequence[Image], hashes: Sequence[str]) -> dict[str, np.ndarray]:
        """The surest objects of each picture, in that order."""
        squares = [self.resized(image) for image in images]
        device = self.mean_F.device
        if not self._running:
            self._running = (deepcopy(self._apart[0]).to(device),)
        with torch.no_grad():
            bytes_I3SS = torch.from_numpy(np.stack([np.asarray(one) for one in squares]))
            pixels = self._normalised(bytes_I3SS.permute(0, 3, 1, 2).to(device))
            out = self._running[0](pixel_values=pixels)
            classes_IQC = self._distribution(out.logits)
            surest_IQ = classes_IQC.amax(2)
            count = min(self.settings.regions, surest_IQ.shape[1])
            sure_IR, chosen_IR = surest_IQ.topk(count, dim=1)
            rows = torch.arange(len(squares), device=device)[:, None]
            there_IR = (sure_IR >= self.settings.threshold).cpu().numpy()
            there_IR[:, 0] = True
            features = out.last_hidden_state[rows, chosen_IR].half().cpu().numpy()
            centred = out.pred_boxes[rows, chosen_IR].float().cpu().numpy()
            classes = classes_IQC[rows, chosen_IR].half().cpu().numpy()
        half = centred[..., 2:] / 2
        corners = np.concatenate([centred[..., :2] - half, centred[..., :2] + half], -1)
        boxes = np.stack([boxes_with_area(one) for one in corners])
        found = {
            "features": features,
            "boxes": boxes,
            "there": there_IR,
            "cells": np.stack([colours_in(*pair) for pair in zip(squares, boxes, strict=True)]),
        }
        return found | ({"classes": classes} if self.settings.targets == "classes" else {})

    def _normalised(self, pixels_I3SS: Tensor) -> Tensor:
        shape, device = (1, 3, 1, 1), pixels_I3SS.device
        mean = torch.tensor(self._record["mean"], device=device).view(shape)
        std = torch.tensor(self._record["std"], device=device).view(shape)
        return (pixels_I3SS.float() / 255 - mean) / std

    def _distribution(self, logits_IQC: Tensor) -> Tensor:
        """Over the classes of objects; what the detector gives to `no object` is left out."""
        if logits_IQC.shape[2] > self._classes:  # DETR: one more class, which is none
            return logits_IQC.softmax(2)[..., : self._classes]
        return logits_IQC.sigmoid()

    def save_assets(self, folder: Path) -> None:
        """The detector: configuration, weights, and what it is given."""
        self._apart[0].config.save_pretrained(folder / _CONFIG)
        (folder / _INPUT).write_text(json.dumps(self._record) + "\n", encoding="utf-8")
        save_frozen(self._apart[0], folder)

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote."""
        record = read_record(folder / _INPUT, DetectorInput)
        model = saved_network(AutoModelForObjectDetection, folder / _CONFIG, folder)
        if torch.get_default_device().type != "meta":
            load_frozen(model, folder)
        self._take(model, record.model_dump(mode="json"))


def _pretrained(settings: DetectorSettings) -> tuple[Any, dict[str, Any]]:
    options: dict[str, Any] = {
        "trust_remote_code": False,
        "local_files_only": not settings.download,
        **({"revision": settings.revision} if settings.revision else {}),
    }
    source = settings.model
    try:
        with hub_access(allowed=settings.download):
            model, loading = AutoModelForObjectDetection.from_pretrained(
                source,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
            load: Any = AutoImageProcessor.from_pretrained
            processor = load(source, backend="pil", **options)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ConfigError(
            f"no detector at {source!r}: {str(error).splitlines()[0]}",
            where="image_encoder.model",
            hint="give a folder saved with save_pretrained (model and image processor), or a hub "
            "id with `download: true`",
        ) from None
    if missing := sorted(loading["missing_keys"]):
        raise ConfigError(
            f"{source!r} lacks weights that this needs, such as {missing[0]}",
            where="image_encoder.model",
        )
    size = dict(processor.size or {})
    side = settings.size or size.get("height") or size.get("shortest_edge")
    if not side:
        raise ConfigError("the model does not say its size", where="image_encoder.size")
    record = {
        "side": int(side),
        "mean": list(processor.image_mean) if processor.do_normalize else [0.0] * 3,
        "std": list(processor.image_std) if processor.do_normalize else [1.0] * 3,
        "classes": len(model.config.id2label),
        "width": int(model.config.d_model),
    }
    return model, record
