"""Any transformers vision model, from a local folder or a hub id, as a grid of features."""

from __future__ import annotations

import json
import math
from inspect import signature
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
)
from transformers.utils.logging import disable_progress_bar

from k3m_kg.api import ConfigError, hub_access, read_record, saved_network
from k3m_kg_vision.network import Network
from k3m_kg_vision.network_input import NetworkInput
from k3m_kg_vision.settings import PretrainedVisionSettings

disable_progress_bar()  # a command has one of its own

_Colours = tuple[float, float, float]
_CONFIG, _INPUT = "network-config", "network-input.json"


class TransformersVision(Network):
    """What `AutoModel` makes of a picture, as a grid.

    Transformers give one vector a patch, after those of classes and registers, which are left
    out; convolutional networks give the grid as it is. Of models of pictures and texts (CLIP,
    SigLIP) the vision tower is taken.

    Args:
        model: the network without a head.
        head: of its classifier.
        side: of the square that it is given.
        mean: of each colour.
        std: the same.
    """

    def __init__(
        self,
        model: Any,
        head: nn.Linear | None,
        side: int,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.model, self.head = model, head
        self.side, self.mean, self.std = side, mean, std
        taken = signature(model.forward).parameters
        own = getattr(model.config, "image_size", None)
        resized = "interpolate_pos_encoding" in taken and own not in (None, side, [side, side])
        self._extra = {"interpolate_pos_encoding": True} if resized else {}
        with torch.no_grad():
            device = next(model.parameters()).device
            shape = self.forward(torch.zeros(1, 3, side, side, device=device)).shape
        self.width, self.grid = int(shape[1]), (int(shape[2]), int(shape[3]))

    def forward(self, pixels_I3SS: Tensor) -> Tensor:
        """(I, F, rows, columns)."""
        out: Tensor = self.model(pixel_values=pixels_I3SS, **self._extra).last_hidden_state
        if out.ndim == 4:
            return out
        grid = self._grid(out.shape[1])
        return out[:, -(grid**2) :].transpose(1, 2).reshape(len(out), -1, grid, grid)

    def _grid(self, tokens: int) -> int:
        """Of so many tokens the last are a square of patches."""
        patch = getattr(self.model.config, "patch_size", None)
        patches = self.side // patch if isinstance(patch, int) else tokens
        return patches if patches**2 <= tokens else math.isqrt(tokens)

    def save_config(self, folder: Path) -> None:
        """The model's configuration and what it is given."""
        self.model.config.save_pretrained(folder / _CONFIG)
        record = {
            "side": self.side,
            "mean": self.mean,
            "std": self.std,
            "classes": self.head.out_features if self.head is not None else 0,
        }
        (folder / _INPUT).write_text(json.dumps(record) + "\n", encoding="utf-8")


def pretrained(settings: PretrainedVisionSettings) -> TransformersVision:
    """The network that the settings name.

    Weights are read from safetensors only and no remote code runs.

    Raises:
        ConfigError: there is none, or it makes no grid of features.
    """
    options: dict[str, Any] = {
        "trust_remote_code": False,
        "local_files_only": not settings.download,
        **({"revision": settings.revision} if settings.revision else {}),
    }
    source = settings.model
    try:
        with hub_access(allowed=settings.download):
            config = AutoConfig.from_pretrained(source, **options)
            classifies = settings.targets == "classes"
            cls: Any = AutoModelForImageClassification if classifies else AutoModel
            whole, loading = cls.from_pretrained(
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
            f"no pretrained vision model at {source!r}: {str(error).splitlines()[0]}",
            where="image_encoder.model",
            hint="give a folder saved with save_pretrained (model and image processor), or a hub "
            "id with `download: true`",
        ) from None
    missing = sorted(name for name in loading["missing_keys"] if "pooler" not in name)
    if missing:  # they were drawn at random, and only logged
        raise ConfigError(
            f"{source!r} lacks weights that this needs, such as {missing[0]}",
            where="image_encoder.targets" if classifies else "image_encoder.model",
        )
    model = whole.base_model if classifies else whole
    if getattr(config, "vision_config", None) is not None:
        model = getattr(model, "vision_model", model)
    side = settings.size or _side(processor, config)
    mean, std = (tuple(getattr(processor, name)) for name in ("image_mean", "image_std"))
    head = _linear(whole) if classifies else None
    if classifies and head is None:
        raise ConfigError(f"{source!r} has no linear classifier", where="image_encoder.targets")
    try:
        network = TransformersVision(model, head, side, mean, std)
    except (AttributeError, TypeError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"{source!r} gives no grid of features for a picture of {side} pixels: "
            f"{str(error).splitlines()[0]}",
            where="image_encoder.model",
        ) from None
    if head is not None and head.in_features != network.width:
        raise ConfigError(
            f"the classifier of {source!r} reads {head.in_features} numbers, not one region",
            where="image_encoder.targets",
        )
    return network


def restored(folder: Path) -> TransformersVision:
    """The network that `save_config` described, with weights that are yet to be read.

    Raises:
        ArtifactError: there is none, or not for the weights that are there.
    """
    record = read_record(folder / _INPUT, NetworkInput)
    cls: Any = AutoModelForImageClassification if record.classes else AutoModel

    def kept(whole: Any) -> nn.ModuleDict:
        model = whole.base_model if record.classes else whole
        head = _linear(whole) if record.classes else None
        return nn.ModuleDict({"model": model} | ({} if head is None else {"head": head}))

    found: Any = kept(saved_network(cls, folder / _CONFIG, folder, kept))
    head = found["head"] if record.classes else None
    mean, std = cast(_Colours, record.mean), cast(_Colours, record.std)
    return TransformersVision(found["model"], head, record.side, mean, std)


def _side(processor: Any, config: Any) -> int:
    for name in ("crop_size", "size"):
        size = getattr(processor, name, None) or {}
        for key in ("height", "shortest_edge"):
            if found := dict(size).get(key):
                return int(found)
    found = getattr(config, "image_size", None)
    if isinstance(found, int):
        return found
    raise ConfigError("the model does not say its size", where="image_encoder.size")


def _linear(whole: Any) -> nn.Linear | None:
    found = getattr(whole, "classifier", None)
    return found if isinstance(found, nn.Linear) else None
