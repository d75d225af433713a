"""A shop, and an artifact over it with random weights: enough to see what is asked and written."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher, build_catalog
from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import train
from k3m_kg.model.compose import build_encoders, build_model, build_tasks, resolve
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot
from k3m_kg.training.artifact.folder import save_artifact
from k3m_kg.training.evidence import fit_evidence
from tests.catalogs import Shop

Change = Callable[[StoredProduct], StoredProduct]


class ChangedShop:
    """A shop with categories, each product passed through `change`."""

    def __init__(self, folder: Path, count: int, change: Change) -> None:
        self.shop, self.change = Shop(folder, count), change

    def iter_subjects(self) -> Iterator[StoredProduct]:
        for product in self.shop.iter_products():
            kinds = [value for name, value in product.triples if name == "kind"]
            yield self.change(replace(product, category=kinds[0] if kinds else None))


def shop_snapshot(
    folder: Path, count: int = 60, change: Change = lambda product: product, holdout: float = 0.1
) -> Snapshot:
    # a category here repeats the property `kind`, which most questions are about
    settings = SnapshotSettings(holdout=holdout, validation=0.2, test=0.2, category=False)
    store = ChangedShop(folder / "pictures", count, change)
    return build_snapshot(store, folder / "snapshots", settings).snapshot


@cache
def trained(knowledge: str = "term", tasks: tuple[str, ...] = ("lpm",)) -> Path:
    """The artifact's folder; the snapshot is beside it, and made once per test session."""
    folder = Path(tempfile.mkdtemp(prefix="k3m-kg-shop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return untrained(shop_snapshot(folder), folder / "artifact", knowledge, tasks)


def untrained(
    snapshot: Snapshot,
    output: Path,
    knowledge: str = "term",
    tasks: Sequence[Any] = ("lpm",),
    *,
    evidence: bool = False,
    regressions: bool = False,
    **changes: Any,
) -> Path:
    """An artifact with random weights for a snapshot; `changes` are of its config."""
    data: dict[str, Any] = {
        "snapshot": str(snapshot.path.parent),
        "output": str(output),
        "image_encoder": {
            "name": "patch-vit",
            "size": 16,
            "patch": 8,
            "channels": [8],
            "layers": 1,
            "heads": 2,
            "codebook": 0,
        },
        "text_encoder": {"name": "bert-wordpiece", "vocab_size": 120, "layers": 1, "heads": 2},
        "model": {
            "hidden": 16,
            "knowledge": knowledge,
            "interactor": {"layers": 1, "heads": 2},
            "structure": {"heads": 2},
            "evidence": {"regressions": regressions} if evidence else None,
        },
        "tasks": [
            {"name": name, "loss": "cross-entropy"} if name == "lpm" else name for name in tasks
        ],
        "training": {"batch_size": 16, "threads": 1},
        "validation": {"hide": ["price"]},
    }
    config = resolve(validate_settings(RunConfig, data | changes, "test"))
    torch.manual_seed(0)
    encoders = build_encoders(config)
    titles = [title for title in snapshot.titles.to_pylist() if title]
    encoders.text.fit(titles, [*snapshot.properties, *snapshot.values])
    opened = {name: view.open(snapshot) for name, view in encoders.modalities.items()}
    for name, view in encoders.modalities.items():
        view.fit(opened[name], np.arange(len(snapshot)))
    catalog = build_catalog(snapshot, encoders.text, config.model)
    model = build_model(config, encoders)
    source = Batcher(snapshot, opened, config.model, catalog)
    fit_evidence(model, source, opened, snapshot.rows("train"))
    built = build_tasks(config, model, catalog)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    save_artifact(
        config.output,
        config=config,
        model=model,
        tasks=built,
        catalog=catalog,
        snapshot=snapshot,
        metrics={},
    )
    return config.output


@cache
def trained_kge() -> Path:
    """An embedding model's artifact over the same snapshot, a few epochs old."""
    k3m = trained()
    settings = {
        "snapshot": str(k3m.parent / "snapshots"),
        "output": str(k3m.parent / "kge"),
        "model": {"name": "transe", "p": 1},
        "dimension": 8,
        "negatives": {"count": 8, "shared": 1},
        "training": {"epochs": 30, "batch_size": 32, "learning_rate": 0.05, "device": "cpu"},
    }
    return train(validate_settings(KgeConfig, settings, "test"))
