"""A small catalog with pictures, and models over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.batches.batcher import Batcher, build_catalog
from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.model.compose import build_encoders, build_model, build_tasks, resolve
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.loop.step import Pretrainer
from tests.catalogs import shop_snapshot


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(shop_snapshot(tmp_path_factory.mktemp("shop"), 60))


def settings(snapshot: Path, output: Path, **changes: Any) -> RunConfig:
    """The smallest model that has every part."""
    data: dict[str, Any] = {
        "snapshot": str(snapshot),
        "output": str(output),
        "image_encoder": {
            "name": "patch-vit",
            "size": 32,
            "patch": 8,
            "channels": [8, 8],
            "heads": 2,
            "codebook": 8,
            "colours": 8,
            "shift": 1,
        },
        "text_encoder": {"name": "bert-wordpiece", "vocab_size": 200, "layers": 1, "heads": 2},
        "model": {"hidden": 16, "interactor": {"layers": 1, "heads": 2}},
        "training": {"epochs": 2, "batch_size": 8, "threads": 1},
    }
    for key, value in changes.items():
        data[key] = data.get(key, {}) | value if isinstance(value, dict) else value
    return resolve(validate_settings(RunConfig, data, "test"))


class Built:
    """A composed model with its batcher."""

    def __init__(self, snapshot: Snapshot, config: RunConfig) -> None:
        torch.manual_seed(0)
        self.config = config
        encoders = build_encoders(config)
        opened = {name: view.open(snapshot) for name, view in encoders.modalities.items()}
        rows = snapshot.rows("train")
        titles = [title for title in snapshot.titles.to_pylist() if title]
        encoders.text.fit(titles, [*snapshot.properties, *snapshot.values])
        for name, view in encoders.modalities.items():
            view.fit(opened[name], rows)
        self.catalog = build_catalog(snapshot, encoders.text, config.model)
        self.model = build_model(config, encoders)
        self.tasks = build_tasks(config, self.model, self.catalog)
        weights = {task.name: task.weight for task in config.tasks}
        self.trainer = Pretrainer(self.model, self.tasks, weights)
        self.batcher = Batcher(snapshot, opened, config.model, self.catalog)
        self.rows = rows
        # Weights of a fresh model say little: give every part something to do.
        with torch.no_grad():
            for parameter in self.trainer.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        self.trainer.eval()

    def batch(self, count: int = 6) -> Any:
        return self.batcher.batch(self.rows[:count])


@pytest.fixture
def build(snapshot: Snapshot, tmp_path: Path) -> Callable[..., Built]:
    def make(**changes: Any) -> Built:
        return Built(snapshot, settings(snapshot.path, tmp_path / "out", **changes))

    return make


@pytest.fixture
def rows(snapshot: Snapshot) -> np.ndarray:
    return snapshot.rows("train")
