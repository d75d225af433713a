"""A trained link predictor with what it knows: what the commands that use a model open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from k3m_kg.config import ModelSettings, ValidationSettings
from k3m_kg.contracts.batch import Catalog
from k3m_kg.contracts.encoders import Tokeniser
from k3m_kg.contracts.links import LinkPredictor
from k3m_kg.contracts.modality import Modality
from k3m_kg.engine.precision import Asked

TRIPLES = "triples"
"""The part of a product that is no modality."""


@dataclass(frozen=True, slots=True)
class TrainedPredictor:
    """An artifact of any kind, ready to predict links of products.

    Attributes:
        path: the artifact's folder.
        weights: SHA-256 (hex) of its weights; a calibration belongs to them.
        snapshot: where the snapshot that it was trained on lay.
        snapshot_id: that snapshot's id.
        catalog: the terms it knows, and the values that each property takes in training.
        build: the predictor for a snapshot, from the ids of its products and a catalog of all its
            terms, those of `catalog` first. Batches count products by their place in the ids.
        modalities: what it sees of a product besides triples, by name; empty for a model that
            looks products up.
        text_encoder: makes tokens of terms; None where the model reads no words.
        sees_triples: whether a product's vector depends on the triples that a batch shows.
        known_products: for a model that looks products up, those it has vectors of; None for one
            that encodes whatever product it is shown.
        sizes: limits of a batch, such as `max_triples`.
        validation: what evaluation hides unless it is told otherwise.
        ranks: whether it can rank values, or has product vectors only.
        batch_size: products in one step of fine-tuning.
        device: where the model is.
        precision: in which it was trained, as its config says.
    """

    path: Path
    weights: str
    snapshot: Path
    snapshot_id: str
    catalog: Catalog
    build: Callable[[Sequence[str], Catalog], LinkPredictor]
    modalities: Mapping[str, Modality] = field(default_factory=dict)
    text_encoder: Tokeniser | None = None
    sees_triples: bool = True
    known_products: frozenset[str] | None = None
    sizes: ModelSettings = field(default_factory=ModelSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    ranks: bool = True
    batch_size: int = 64
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Asked = "fp32"

    @property
    def sees(self) -> tuple[str, ...]:
        """Which parts of a product its vector depends on: `triples` and its modalities."""
        return (*((TRIPLES,) if self.sees_triples else ()), *self.modalities)
