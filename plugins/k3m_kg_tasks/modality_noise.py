"""Noise in whole modalities while training, so that wrong ones do not lead astray."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from k3m_kg.api import (
    ConfigError,
    ModelOutputs,
    PretrainingTask,
    ProductBatch,
    TaskContext,
    TaskLoss,
    unknown_name,
)
from k3m_kg_tasks.settings import ModalityNoiseSettings


@dataclass(slots=True)
class _Noise:
    """By modality: which products are noised, and standard normal numbers for each."""

    hit_B: dict[str, Tensor] = field(default_factory=dict)
    drawn_BH: dict[str, Tensor] = field(default_factory=dict)


class ModalityNoise(PretrainingTask):
    """Gaussian noise masking of SNAG, and modalities of other products; no loss of its own.

    A product is seen once in an epoch, so what is drawn at each step is drawn anew each epoch.
    """

    def __init__(self, settings: ModalityNoiseSettings, context: TaskContext) -> None:
        super().__init__()
        for name in settings.modalities:
            if name not in context.num_targets:
                raise ConfigError(
                    unknown_name("modality", name, context.num_targets),
                    where="tasks.modality-noise.modalities",
                )
        self.settings, self.hidden = settings, context.hidden
        self.names = settings.modalities or tuple(context.num_targets)
        self.of_triples = context.of_triples

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Swap modalities, and draw what `encoded` mixes in."""
        noise = _Noise()
        for name in self.names:
            if self.settings.swap and name not in self.of_triples:
                self._swap(batch, name, generator)
            if self.settings.noise:
                draw_B = torch.rand(batch.size, generator=generator)
                noise.hit_B[name] = draw_B < self.settings.noise
                shape = (batch.size, self.hidden)
                noise.drawn_BH[name] = torch.randn(shape, generator=generator)
        batch.notes["modality-noise"] = noise

    def _swap(self, batch: ProductBatch, name: str, generator: torch.Generator) -> None:
        tokens = batch.modalities[name]
        count = len(tokens.product_I)
        hit_I = torch.rand(count, generator=generator) < self.settings.swap
        other_I = torch.randperm(count, generator=generator)
        tokens.swap(torch.where(hit_I, other_I, torch.arange(count)), batch.triple_product_E)

    def encoded(self, tokens: dict[str, Tensor], batch: ProductBatch) -> dict[str, Tensor]:
        """With noise in the tokens of the products that were drawn."""
        noise: _Noise = batch.notes["modality-noise"]
        return tokens | {
            name: self._noised(tokens[name], batch.modalities[name].shown_BN, hit_B, drawn_BH)
            for name, (hit_B, drawn_BH) in (
                (name, (hit_B, noise.drawn_BH[name])) for name, hit_B in noise.hit_B.items()
            )
        }

    def _noised(self, own_BNH: Tensor, shown_BN: Tensor, hit_B: Tensor, drawn_BH: Tensor) -> Tensor:
        weight_BN1 = shown_BN[..., None].float()
        count = weight_BN1.sum().clamp_min(1)
        seen_BNH = own_BNH.detach().float()
        mean_H = (seen_BNH * weight_BN1).sum((0, 1)) / count
        spread_H = (((seen_BNH - mean_H) ** 2 * weight_BN1).sum((0, 1)) / count).sqrt()
        noise_BH = (mean_H + spread_H * drawn_BH).to(own_BNH.dtype)
        mixed_BNH = torch.lerp(own_BNH, noise_BH[:, None].expand_as(own_BNH), self.settings.mask)
        return torch.where((shown_BN & hit_B[:, None])[..., None], mixed_BNH, own_BNH)

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Nothing to learn by itself."""
        return TaskLoss(None)
