"""The modality `image`: the regions of a product's picture, read by the image encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.placing import to_products
from k3m_kg.batches.prepared_images import PreparedImages, prepare_images
from k3m_kg.contracts import (
    Description,
    ImageEncoder,
    Modality,
    ModalityData,
    ModalityTokens,
    ProductTable,
)
from k3m_kg.progress import Progress

_FITTED_ON = 1000
"""Pictures that an encoder's `fit` sees."""
_TOGETHER = 512


Describe = Callable[[dict[str, Tensor]], Description]
ReadyMade = Callable[[dict[str, Tensor], Tensor], Tensor | None]


class ImageModality(Modality):
    """Regions of pictures.

    Args:
        image_encoder: finds and reads them.
        every: in training mode prepare all pictures of a product, of which a batch may then take
            any; else, and in evaluation mode, the first.
        seed: for choosing the pictures that the encoder is fitted on.
    """

    def __init__(self, image_encoder: ImageEncoder, *, every: bool = False, seed: int = 0) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.every = every
        self.seed = seed

    def open(self, snapshot: ProductTable, progress: Progress | None = None) -> ImageData:
        """Every picture prepared, or what an earlier call left beside the snapshot."""
        every = self.every and self.training
        prepared = prepare_images(snapshot.whole, self.image_encoder, progress, every=every)
        if snapshot.picture_rows is not None:
            prepared = prepared.shown_as(snapshot.picture_rows)
        encoder = self.image_encoder
        return ImageData(snapshot, prepared, encoder.describe, encoder.ready_made)

    def fit(self, data: ModalityData, rows: np.ndarray) -> None:
        """Fit the encoder's codebooks on the first pictures of some training products."""
        assert isinstance(data, ImageData)
        prepared = data.prepared
        index = prepared.choose(rows)
        index = index[index >= 0]
        if len(index):
            random = np.random.default_rng(self.seed)
            chosen = np.sort(random.permutation(index)[:_FITTED_ON])
            device = next(
                chain(self.image_encoder.parameters(), self.image_encoder.buffers())
            ).device
            tensors = prepared.tensors(chosen)
            self.image_encoder.fit({name: array.to(device) for name, array in tensors.items()})

    def augment(self, arrays: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """As the encoder does."""
        return self.image_encoder.augment(arrays, generator)

    @property
    def num_targets(self) -> int:
        """C, the encoder's object classes."""
        return self.image_encoder.num_targets

    def ready_made(self, arrays: dict[str, Tensor], tokens_IN: Tensor) -> Tensor | None:
        """What the encoder gives."""
        return self.image_encoder.ready_made(arrays, tokens_IN)

    def unpack(self, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        """As the encoder does."""
        return self.image_encoder.unpack(arrays)

    def targets(self, arrays: dict[str, Tensor]) -> Tensor | None:
        """The encoder's."""
        return self.image_encoder.targets(arrays)

    def forward(
        self, arrays: dict[str, Tensor], tokens_IN: Tensor, masked_IN: Tensor | None = None
    ) -> Tensor:
        """(I, R, H)."""
        encoded: Tensor = self.image_encoder(arrays, masked_IN)
        return encoded

    def save_assets(self, folder: Path) -> None:
        """The encoder's."""
        self.image_encoder.save_assets(folder)

    def load_assets(self, folder: Path) -> None:
        """The encoder's."""
        self.image_encoder.load_assets(folder)


class ImageData(ModalityData):
    """The pictures of a snapshot, prepared.

    Args:
        snapshot: has them.
        prepared: what the encoder made of them.
        describe: says which regions there are.
        ready_made: what the encoder says of them before any training here.
    """

    def __init__(
        self,
        snapshot: ProductTable,
        prepared: PreparedImages,
        describe: Describe,
        ready_made: ReadyMade = lambda arrays, tokens_IR: None,
    ) -> None:
        self._snapshot = snapshot
        self._describe = describe
        self._ready_made = ready_made
        self.prepared = prepared

    def has(self, rows: np.ndarray) -> np.ndarray:
        """Whether there is a picture."""
        found: np.ndarray = self.prepared.row_N[rows] >= 0
        return found

    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> ModalityTokens:
        """The encoder's arrays of one picture of each product."""
        index_B = self.prepared.choose(rows, random)
        product_I = torch.from_numpy(np.flatnonzero(index_B >= 0))
        tokens = ModalityTokens(
            arrays=self.prepared.tensors(index_B[product_I.numpy()]),
            product_I=product_I,
            present_B=torch.from_numpy(index_B >= 0),
            tokens_BN=torch.zeros(len(rows), 0, dtype=torch.bool),
        )
        if len(product_I):
            found = self._describe(tokens.arrays)
            tokens.tokens_BN = to_products(found.tokens_IN.cpu(), product_I, len(rows))
            if found.boxes_IN5 is not None:
                tokens.boxes_BN5 = to_products(found.boxes_IN5.cpu(), product_I, len(rows))
        return tokens

    @torch.no_grad()
    def features(
        self, rows: np.ndarray, cut: Sequence[Sequence[str]] | None = None
    ) -> np.ndarray | None:
        """What the encoder has ready-made of the first pictures; no text stands in them."""
        arrays = self.prepared.tensors(np.empty(0, np.int64))
        if not arrays:
            return None
        found: np.ndarray | None = None
        index_N = self.prepared.choose(rows)
        for start in range(0, max(1, len(rows)), _TOGETHER):
            place = start + np.flatnonzero(index_N[start : start + _TOGETHER] >= 0)
            arrays = self.prepared.tensors(index_N[place])
            values_IF = self._ready_made(arrays, self._describe(arrays).tokens_IN)
            if values_IF is None:
                return None
            if found is None:
                found = np.zeros((len(rows), values_IF.shape[1]), np.float32)
            found[place] = values_IF.float().numpy()
        return found

    def content(self, row: int) -> str | None:
        """The SHA-256 of the first picture."""
        if self.prepared.row_N[row] < 0:
            return None
        return self._snapshot.image_hash(int(self._snapshot.image_offsets[row]))
