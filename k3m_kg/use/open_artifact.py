"""Opens a trained artifact of any kind: K3M, an embedding model, or a plugin's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from k3m_kg.contracts import Catalog, TrainedPredictor
from k3m_kg.errors import ArtifactError, PluginError, UsageError
from k3m_kg.kge.artifact import MANIFEST as KGE_MANIFEST
from k3m_kg.kge.artifact import KgeArtifact
from k3m_kg.kge.data import PRODUCT, VALUE
from k3m_kg.kge.predictor import KgePredictor
from k3m_kg.plugin.hookspecs import LinkPredictorPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.training.artifact import MANIFEST, Artifact


def open_trained(path: Path, device: torch.device) -> TrainedPredictor:
    """Open an artifact by the manifest that its folder holds.

    Raises:
        ArtifactError: missing, damaged, newer, or of no known kind.
        UsageError: it cannot be used on products.
    """
    if (path / MANIFEST).is_file():
        return open_k3m(path, device)
    if (path / KGE_MANIFEST).is_file():
        return open_kge(path, device)
    for item in registry().installed(LinkPredictorPlugin.kind):
        record = item.record
        assert isinstance(record, LinkPredictorPlugin)
        if (path / record.manifest).is_file():
            found = record.factory(path, device)
            if not isinstance(found, TrainedPredictor):
                raise PluginError(
                    f"the link-predictor {record.name!r} opened something else than a "
                    "TrainedPredictor",
                    where=f"{item.package} {item.version}",
                )
            return found
    return open_k3m(path, device)  # says what is missing


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
        image_encoder=model.image_encoder,
        sizes=config.model,
        validation=config.validation,
        ranks=hasattr(model, "scorer"),
        batch_size=config.training.batch_size,
        device=artifact.device,
    )


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
