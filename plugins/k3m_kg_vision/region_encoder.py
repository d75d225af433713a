"""What every encoder of region features shares: projection, boxes, colours, codebook, layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from k3m_kg.api import ImageEncoder, ModelContext, initialise, transformer
from k3m_kg_vision import palette
from k3m_kg_vision.clusters import cluster
from k3m_kg_vision.colours import GRID, centred, fit_colours, nearness
from k3m_kg_vision.settings import LayerSettings

_COLOURS = 6.0
"""Length of colours beside a network's feature, whose numbers have unit variance."""


class RegionEncoder(ImageEncoder):
    """Embedding = LayerNorm(linear(feature, colours) + linear(palette) + linear(box)), then layers.

    The palette's colours, where pictures are at hand, say what a network that was trained to name
    things forgets, and more than the mean colours of sixteen cells of a region.
    """

    def __init__(self, settings: LayerSettings, context: ModelContext) -> None:
        super().__init__()
        self.layout, self.context = settings, context

    def _build(
        self, width: int, described: int, classes: int, *, with_palette: bool = False
    ) -> None:
        """Layers for features of F = `width`, and a codebook over items of `described` numbers.

        With a palette `_embed` is given each region's colours by it too.
        """
        layout, hidden = self.layout, self.context.hidden
        self.feature = nn.Linear(width + layout.colours, hidden)
        self.palette = nn.Linear(palette.width(), hidden) if with_palette else None
        self.box = nn.Linear(5, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(layout.embedding_dropout)
        self.layers = transformer(
            hidden,
            layout.layers,
            layout.heads,
            expansion=layout.expansion,
            dropout=layout.dropout,
            where="image_encoder.heads",
        )
        for part in (self.feature, self.palette, self.box, self.layers):
            if part is not None:
                initialise(part)
        self.register_buffer("mean_F", torch.zeros(width))
        self.register_buffer("spread_F", torch.ones(width))
        self.register_buffer("codebook_CF", torch.zeros(classes, described))
        self.register_buffer("codebook_scale", torch.ones(()))
        self.register_buffer("colours_K3", torch.zeros(layout.colours, 3))
        self.register_buffer("colours_scale", torch.ones(()))
        self.mean_F: Tensor
        self.spread_F: Tensor
        self.codebook_CF: Tensor
        self.codebook_scale: Tensor
        self.colours_K3: Tensor
        self.colours_scale: Tensor

    def _fit_features(self, every_NF: Tensor) -> None:
        if len(every_NF) > 1:
            self.mean_F.copy_(every_NF.mean(0))
            self.spread_F.copy_(every_NF.std(0).clamp_min(1e-3))

    def _fit_codebook(self, items_NF: Tensor) -> None:
        if not len(self.codebook_CF):
            return
        square_SK = cluster(items_NF, self.codebook_CF, self.codebook_scale, self.context.seed)
        # Of many dimensions every centre is far away: what tells is how much farther the next is.
        nearest_S2 = square_SK.topk(2, largest=False).values
        self.codebook_scale.copy_((nearest_S2[:, 1] - nearest_S2[:, 0]).mean().clamp_min(1e-6))

    def _fit_colours(self, cells_N3: Tensor) -> None:
        if self.layout.colours:
            fit_colours(cells_N3, self.colours_K3, self.colours_scale, self.context.seed)

    def _standard(self, features_IRF: Tensor) -> Tensor:
        return (features_IRF.float() - self.mean_F) / self.spread_F

    @staticmethod
    def _single(cells_IRF: Tensor) -> Tensor:
        """(I, R * 16, 3) colours in [0, 1], of `cells` (I, R, 48) in bytes."""
        size, regions = cells_IRF.shape[:2]
        split = cells_IRF.float().view(size, regions, 3, GRID**2).transpose(2, 3) / 255
        return split.flatten(1, 2)

    def _codes(self, items_IRF: Tensor) -> Tensor | None:
        """(I, R, C) soft nearness to the codebook."""
        if not len(self.codebook_CF):
            return None
        square = torch.cdist(items_IRF, self.codebook_CF[None]).square()
        return (-square / self.codebook_scale).softmax(-1)

    def _embed(
        self,
        feature_IRF: Tensor,
        cells_IRF: Tensor,
        boxes_IR5: Tensor,
        masked_IR: Tensor | None,
        present_IR: Tensor | None = None,
        palette_IRK: Tensor | None = None,
    ) -> Tensor:
        """(I, R, H)."""
        if self.layout.colours:
            shares = nearness(self._single(cells_IRF), self.colours_K3, self.colours_scale)
            histogram = shares.view(len(shares), -1, GRID**2, shares.shape[2]).mean(2)
            # a thousand features of unit variance would drown sixty of colour
            even = (self.layout.colours / feature_IRF.shape[-1]) ** 0.5
            feature_IRF = torch.cat([feature_IRF * min(1.0, even), centred(histogram)], -1)
        if masked_IR is not None:
            feature_IRF = feature_IRF * ~masked_IR[..., None]
        embedded = self.feature(feature_IRF) + self.box(2 * boxes_IR5 - 1)
        if self.palette is not None:
            assert palette_IRK is not None
            # shares of the whole picture: of an even one each region has length 2^.5
            colours_IRK = _COLOURS * (palette_IRK.float() * palette_IRK.shape[1]).sqrt()
            if masked_IR is not None:
                colours_IRK = colours_IRK * ~masked_IR[..., None]
            embedded = embedded + self.palette(colours_IRK)
        out: Tensor = self.dropout(self.norm(embedded))
        return self.layers(out, present_IR)  # type: ignore[no-any-return]
