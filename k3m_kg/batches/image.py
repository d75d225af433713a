"""The modality `image`: the regions of a product's picture, read by the image encoder."""

from __future__ import annotations

from collections.abc import Callable
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


Describe = Callable[[dict[str, Tensor]], Description]


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
        return ImageData(snapshot, prepared, self.image_encoder.describe)

    def fit(self, data: ModalityData, rows: np.ndarray) -> None:
        """Fit the encoder's codebooks on the first pictures of some training products."""
        assert isinstance(data, ImageData)
        prepared = data.prepared
        index = prepared.row_N[rows]
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
    """

    def __init__(
        self, snapshot: ProductTable, prepared: PreparedImages, describe: Describe
    ) -> None:
        self._snapshot = snapshot
        self._describe = describe
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

    def content(self, row: int) -> str | None:
        """The SHA-256 of the first picture."""
        if self.prepared.row_N[row] < 0:
            return None
        return self._snapshot.image_hash(int(self._snapshot.image_offsets[row]))
