"""The artifact of an embedding model: a folder that keeps its labels and loads without pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from k3m_kg import __version__
from k3m_kg.errors import ArtifactError
from k3m_kg.files import whole_folder
from k3m_kg.kge.data import PRODUCT, VALUE, TripleData
from k3m_kg.kge.labels import KgeLabels
from k3m_kg.kge.layout import MANIFEST
from k3m_kg.kge.model import Features, KgeModel, build_model
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.manifests import (
    damage_named,
    described_files,
    read_json,
    read_manifest,
    read_record,
    read_settings,
    write_json,
)
from k3m_kg.training.artifact.tensors import (
    check_fits,
    load_tensors,
    read_tensors,
    tensors_of,
    write_tensors,
)

_FORMAT = 1
_NEEDED = ("weights.safetensors", "config.yaml", "labels.json", "metrics.json")
_FEATURES = ("features_EF", "present_E")
_MEMORY = (".first", ".second")


@dataclass(slots=True)
class KgeArtifact:
    """A trained embedding model.

    Attributes:
        path: its folder.
        config: the resolved config.
        model: in evaluation mode.
        entities, relations: labels; an id is a place in them.
        answers: of a model trained on a snapshot, per relation the ascending ids of the values that
            products have by it in training, and how often each; None for one trained on files.
        metrics: as written at the end of training.
        record: the manifest.
    """

    path: Path
    config: KgeConfig
    model: KgeModel
    entities: list[str]
    relations: list[str]
    answers: list[tuple[list[int], list[int]]] | None
    metrics: dict[str, Any]
    record: dict[str, Any]

    @classmethod
    def load(cls, path: Path | str, device: str | torch.device = "cpu") -> KgeArtifact:
        """Open an artifact folder.

        Raises:
            ArtifactError: missing, damaged (every file is checked by size and hash), newer.
        """
        path = Path(path)
        hint = f"an embedding model is a folder with {MANIFEST}, written by `k3m-kg kge train`"
        record = read_manifest(path, MANIFEST, _FORMAT, hint=hint, needs=_NEEDED)
        config = read_settings(path / "config.yaml", KgeConfig)
        labels = read_record(path / "labels.json", KgeLabels)
        metrics = read_json(path / "metrics.json")
        if config.snapshot is not None and not isinstance(record.get("snapshot"), str):
            raise ArtifactError("names no snapshot", where=str(path / MANIFEST))
        where = str(path / "weights.safetensors")
        tensors = read_tensors(path / "weights.safetensors")
        features = None if config.features is None else _features(tensors, labels, where)

        def build() -> KgeModel:
            return build_model(config, len(labels.entities), len(labels.relations), features)

        check_fits(build, tensors, where, left_out=_MEMORY)
        with damage_named(str(path / "config.yaml"), "no model can be built as it says"):
            model = build()
        memory = {n: t for n, t in tensors_of(model).items() if n.endswith(_MEMORY)}
        load_tensors(model, memory | tensors, where)
        return cls(
            path=path,
            config=config,
            model=model.to(device).eval(),
            entities=labels.entities,
            relations=labels.relations,
            answers=labels.answers,
            metrics=metrics,
            record=record,
        )


def _features(tensors: dict[str, Tensor], labels: KgeLabels, where: str) -> Features:
    """The frozen vectors of entities, taken out of the tensors of an artifact."""
    vectors, present = (tensors.pop(name, None) for name in _FEATURES)
    if vectors is None or present is None:
        raise ArtifactError(f"{' or '.join(_FEATURES)} is missing", where=where)
    entities = len(labels.entities)
    if (
        (vectors.dtype, present.dtype) != (torch.float32, torch.uint8)
        or vectors.ndim != 2
        or len(vectors) != entities
        or present.shape != (entities,)
    ):
        raise ArtifactError("features that are not one vector for each entity", where=where)
    return vectors.numpy(), present.numpy().astype(bool)


def save_artifact(
    target: Path,
    *,
    config: KgeConfig,
    model: KgeModel,
    data: TripleData,
    metrics: dict[str, Any],
) -> None:
    """Write the artifact to `target`, all or nothing.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    tensors = {n: t for n, t in tensors_of(model).items() if not n.endswith(_MEMORY)}
    if model.project is not None:
        tensors["features_EF"] = model.features_EF.cpu()
        tensors["present_E"] = model.present_E.cpu().to(torch.uint8)
    record: dict[str, Any] = {
        "format": _FORMAT,
        "k3m_kg": __version__,
        "torch": torch.__version__,
        "data": data.id,
        "snapshot": data.snapshot,
        "entities": len(data.entities),
        "relations": len(data.relations),
        "training_triples": len(data.train),
        "parameters": sum(tensor.numel() for name, tensor in tensors.items()),
    }
    with whole_folder(target, ArtifactError, replace=False) as folder:
        write_tensors(folder / "weights.safetensors", tensors)
        labels: dict[str, Any] = {"entities": data.entities, "relations": data.relations}
        if data.snapshot is not None:
            labels["answers"] = _answers(data)
        write_json(folder / "labels.json", labels)
        resolved = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
        (folder / "config.yaml").write_text(resolved, encoding="utf-8")
        write_json(folder / "metrics.json", metrics)
        (folder / "README.md").write_text(_card(config, record, metrics), encoding="utf-8")
        record["files"] = described_files(folder)
        write_json(folder / MANIFEST, record)


def _answers(data: TripleData) -> list[tuple[list[int], list[int]]]:
    """Per relation the values that products have by it in training, and how often each."""
    is_product = np.array([label.startswith(PRODUCT) for label in data.entities], bool)
    is_value = np.array([label.startswith(VALUE) for label in data.entities], bool)
    own = data.train[is_product[data.train[:, 0]] & is_value[data.train[:, 2]]]
    found = []
    for relation in range(len(data.relations)):
        values, counts = np.unique(own[own[:, 1] == relation, 2], return_counts=True)
        found.append((values.tolist(), counts.tolist()))
    return found


def _card(config: KgeConfig, record: dict[str, Any], metrics: dict[str, Any]) -> str:
    both = metrics["test"]["metrics"]
    clean = metrics["test"]["leakage"]["metrics_without"]
    rows = "\n".join(
        f"| {key} | {both[key]:.4f} | {clean[key]:.4f} |"
        for key in ("mrr", "hits@1", "hits@3", "hits@10", "mr", "amri")
        if np.isfinite([both[key], clean[key]]).all()
    )
    return f"""# A knowledge graph embedding: {config.model.name}

Trained by k3m-kg {record["k3m_kg"]} (torch {record["torch"]}), dimension {config.dimension}:
{record["entities"]:,} entities, {record["relations"]:,} relations, {record["training_triples"]:,}
triples; {metrics["epochs"]} epochs, {metrics["seconds"]:.0f} s, best after epoch
{metrics["best_epoch"]}.

Test, filtered, realistic ranks, heads and tails; beside it without the test triples that an
inverse, equal or determining relation gives away.

| metric | all | without what leaks |
|---|---|---|
{rows}

    k3m-kg kge evaluate ARTIFACT
"""
