"""The artifact: a self-describing folder that holds a trained model and loads without pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from k3m_kg import __version__
from k3m_kg.batches.batcher import Batcher, batcher_of
from k3m_kg.config import RunConfig
from k3m_kg.contracts import Catalog
from k3m_kg.errors import ArtifactError
from k3m_kg.files import beside, whole_folder
from k3m_kg.manifests import (
    damage_named,
    described_files,
    read_json,
    read_manifest,
    read_record,
    read_settings,
    write_json,
)
from k3m_kg.model.compose import Encoders, build_encoders, build_model, build_tasks, plugins_of
from k3m_kg.model.k3m import K3M
from k3m_kg.plugin.registry import registry
from k3m_kg.progress import Progress
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.artifact.labels import Labels
from k3m_kg.training.artifact.layout import MANIFEST
from k3m_kg.training.artifact.model_card import model_card
from k3m_kg.training.artifact.tensors import (
    check_fits,
    load_tensors,
    read_tensors,
    tensors_of,
    write_tensors,
)

FORMAT = 2
"""2: weights by the name of their modality. 1 is still read."""
_OF_MODALITIES = "modalities"
_RENAMED = {
    "model.image_encoder.": "model.encoders.image.",
    "model.text_encoder.": "model.encoders.text.",
    "model.title_fusion.": "model.fusions.title.",
    "model.image_fusion.": "model.fusions.image.",
    "model.interactor.title.": "model.interactor.across.title.",
    "model.interactor.image.": "model.interactor.across.image.",
    "model.interactor.title_norm.": "model.interactor.norms.title.",
    "model.interactor.image_norm.": "model.interactor.norms.image.",
}
_NEEDED = ("model.safetensors", "config.yaml", "labels.json", "metrics.json", "assets")


def plugin_versions(config: RunConfig) -> list[dict[str, str]]:
    """Every plugin that the config uses, with the package and version it came from."""
    found = [(kind, registry().find(kind, name)) for kind, name in plugins_of(config)]
    return [
        {"kind": kind, "name": item.record.name, "package": item.package, "version": item.version}
        for kind, item in found
    ]


def save_assets(encoders: Encoders, folder: Path) -> None:
    """What is neither setting nor weight: the text encoder's, and each modality's in a folder."""
    encoders.text.save_assets(folder)
    for name, modality in encoders.modalities.items():
        inner = folder / _OF_MODALITIES / name
        inner.mkdir(parents=True)
        modality.save_assets(inner)
        for empty in (inner, inner.parent):
            if not any(empty.iterdir()):
                empty.rmdir()


def load_assets(encoders: Encoders, folder: Path) -> None:
    """Read what `save_assets` wrote.

    Raises:
        ArtifactError: an encoder cannot read its own.
    """
    with damage_named(str(folder), "the tokenizer is damaged"):
        encoders.text.load_assets(folder)
    for name, modality in encoders.modalities.items():
        inner = folder / _OF_MODALITIES / name
        with damage_named(str(inner), f"what {name} keeps is damaged"):
            modality.load_assets(inner)


def bundle(model: K3M, tasks: nn.ModuleDict) -> nn.ModuleDict:
    """Model and tasks as one module, so that what they share is stored once."""
    return nn.ModuleDict({"model": model, "tasks": tasks})


def _save_model(
    folder: Path, config: RunConfig, model: K3M, tasks: nn.ModuleDict, catalog: Catalog
) -> None:
    """Weights, tokenizer, labels and config into an existing folder."""
    write_tensors(folder / "model.safetensors", tensors_of(bundle(model, tasks)))
    assets = folder / "assets"
    assets.mkdir()
    save_assets(Encoders.of(model), assets)
    if model.evidence is not None:
        model.evidence.save(assets)
    write_json(folder / "labels.json", Labels.of(catalog))
    resolved = config.model_dump(mode="json")
    text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")


def save_artifact(
    target: Path,
    *,
    config: RunConfig,
    model: K3M,
    tasks: nn.ModuleDict,
    catalog: Catalog,
    snapshot: Snapshot,
    metrics: dict[str, Any],
) -> None:
    """Write the artifact to `target`, all or nothing.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    with whole_folder(target, ArtifactError, replace=False) as folder:
        _save_model(folder, config, model, tasks, catalog)
        write_json(folder / "metrics.json", metrics)
        record = {
            "format": FORMAT,
            "k3m_kg": __version__,
            "torch": torch.__version__,
            "snapshot": snapshot.id,
            "plugins": plugin_versions(config),
            "parameters": sum(p.numel() for p in model.parameters()),
        }
        (folder / "README.md").write_text(model_card(config, record, metrics), encoding="utf-8")
        record["files"] = described_files(folder)
        write_json(folder / MANIFEST, record)


@dataclass(slots=True)
class Artifact:
    """A trained model, ready for use.

    Attributes:
        path: its folder.
        config: the resolved run config.
        model: K3M in evaluation mode.
        tasks: the pretraining tasks with their weights, for further training.
        catalog: terms and candidate values of the training snapshot.
        snapshot_id: the snapshot it was trained on.
        metrics: as written at the end of training.
        record: the manifest.
    """

    path: Path
    config: RunConfig
    model: K3M
    tasks: nn.ModuleDict
    catalog: Catalog
    snapshot_id: str
    metrics: dict[str, Any]
    record: dict[str, Any]

    @classmethod
    def load(cls, path: Path | str, device: str | torch.device = "cpu") -> Artifact:
        """Open an artifact folder.

        Raises:
            ArtifactError: missing, damaged (every file is checked by size and hash), newer.
            UsageError: a plugin it was trained with is not installed.
        """
        path = Path(path)
        record = _checked_manifest(path)
        config = read_settings(path / "config.yaml", RunConfig)
        labels = read_record(path / "labels.json", Labels)
        metrics = read_json(path / "metrics.json")
        if not isinstance(record.get("snapshot"), str):
            raise ArtifactError("names no snapshot", where=str(path / MANIFEST))
        weights = path / "model.safetensors"
        tensors = read_tensors(weights)
        if record["format"] < FORMAT:
            tensors = renamed(tensors)
        catalogs: list[Catalog] = []

        def build() -> tuple[K3M, nn.ModuleDict]:
            encoders = build_encoders(config, restoring=True)
            load_assets(encoders, path / "assets")
            model = build_model(config, encoders, restoring=True)
            if model.evidence is not None:
                model.evidence.load(path / "assets")
            with torch.device("cpu"):  # tokenised once, whatever it is built on
                if not catalogs:
                    catalogs.append(labels.catalog(model.text_encoder, config.model))
            return model, build_tasks(config, model, catalogs[0])

        check_fits(lambda: bundle(*build()), tensors, str(weights))
        with damage_named(str(path / "config.yaml"), "no model can be built as it says"):
            model, tasks = build()
        load_tensors(bundle(model, tasks), tensors, str(weights))
        model.to(device).eval()
        tasks.to(device).eval()
        return cls(
            path=path,
            config=config,
            model=model,
            tasks=tasks,
            catalog=catalogs[0],
            snapshot_id=record["snapshot"],
            metrics=metrics,
            record=record,
        )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def batcher(self, snapshot: Snapshot, progress: Progress | None = None) -> Batcher:
        """Batches of any snapshot; terms and products unseen in training are welcome."""
        text, views = self.model.text_encoder, self.model.views()
        batcher = batcher_of(snapshot, self.catalog, text, views, self.config.model, progress)
        return batcher.to(self.device)


def renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of an artifact of format 1 by the names that they have now."""
    found = {}
    for name, tensor in tensors.items():
        old = next((old for old in _RENAMED if name.startswith(old)), "")
        found[_RENAMED.get(old, "") + name.removeprefix(old)] = tensor
    return found


def _checked_manifest(path: Path) -> dict[str, Any]:
    unfinished = (beside(path, ".run") / "checkpoint").exists()
    hint = (
        "its training has not ended: `k3m-kg pretrain CONFIG --resume` goes on"
        if unfinished
        else f"an artifact is a folder with {MANIFEST}, written by `k3m-kg pretrain`"
    )
    return read_manifest(path, MANIFEST, FORMAT, hint=hint, needs=_NEEDED)
