"""Opens K3M's artifact as the contract of trained link predictors."""

from __future__ import annotations

from pathlib import Path

import torch

from k3m_kg.contracts import TrainedPredictor
from k3m_kg.training.artifact.folder import Artifact


def open_k3m(path: Path, device: torch.device) -> TrainedPredictor:
    """An artifact of `k3m-kg pretrain`.

    Raises:
        ArtifactError, UsageError: as `Artifact.load`.
    """
    artifact = Artifact.load(path, device)
    model, config = artifact.model, artifact.config
    return TrainedPredictor(
        path=path,
        weights=artifact.record["files"]["model.safetensors"]["sha256"],
        snapshot=config.snapshot,
        snapshot_id=artifact.snapshot_id,
        catalog=artifact.catalog,
        build=lambda ids, catalog: model,
        text_encoder=model.text_encoder,
        modalities=model.views(),
        sees_triples=model.structure.reads_triples
        or any(modality.of_triples for modality in model.views().values()),
        sizes=config.model,
        validation=config.validation,
        ranks=model.ranks,
        batch_size=config.training.batch_size,
        device=artifact.device,
        precision=config.training.precision,
    )
