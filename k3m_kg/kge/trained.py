"""Opens an embedding artifact as the contract of trained link predictors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from k3m_kg.contracts import Catalog, TrainedPredictor
from k3m_kg.errors import ArtifactError, UsageError
from k3m_kg.kge.artifact import KgeArtifact
from k3m_kg.kge.data import PRODUCT, VALUE
from k3m_kg.kge.predictor import KgePredictor


def open_kge(path: Path, device: torch.device) -> TrainedPredictor:
    """An artifact of `k3m-kg kge train` on a snapshot.

    Raises:
        ArtifactError: missing, damaged, newer, or from before artifacts kept what this needs.
        UsageError: it was trained on plain triple files.
    """
    artifact = KgeArtifact.load(path, device)
    if artifact.config.snapshot is None:
        raise UsageError(
            "this embedding model was trained on triple files: it knows no products",
            where=str(path),
            hint=f"`k3m-kg kge evaluate {path}` ranks triples; train on a snapshot for products",
        )
    if artifact.answers is None:
        raise ArtifactError(
            "it does not say which values each property takes in training",
            where=str(path),
            hint="it was written by an older k3m-kg: train it again",
        )
    values = [label for label in artifact.entities if label.startswith(VALUE)]
    place = np.full(len(artifact.entities), -1)
    place[[label.startswith(VALUE) for label in artifact.entities]] = np.arange(len(values))
    catalog = Catalog.wordless(
        artifact.relations,
        [label.removeprefix(VALUE) for label in values],
        [place[np.array(ids, np.int64)] for ids, _ in artifact.answers],
        [np.array(counts, np.int64) for _, counts in artifact.answers],
    )
    products = (label for label in artifact.entities if label.startswith(PRODUCT))
    return TrainedPredictor(
        path=path,
        weights=artifact.record["files"]["weights.safetensors"]["sha256"],
        snapshot=artifact.config.snapshot,
        snapshot_id=artifact.record["snapshot"],
        catalog=catalog,
        build=lambda ids, terms: KgePredictor.of(artifact, ids, terms.properties, terms.values),
        sees_triples=False,
        known_products=frozenset(label.removeprefix(PRODUCT) for label in products),
        device=artifact.model.vectors().entities_EH.device,
    )
