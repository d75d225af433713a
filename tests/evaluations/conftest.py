"""A shop of families, and models over it with random weights: enough to see what is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from k3m_kg.config import validate_settings
from k3m_kg.contracts import Evaluation
from k3m_kg.evaluation.running import run_evaluation
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import train
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import shop_snapshot, untrained

WORDS = ("oak", "elm", "ash", "fir", "yew", "fig", "bay", "box", "nut", "pea", "rye", "tea")


def family(product: StoredProduct) -> StoredProduct:
    """Four by four: the first is a model, the others its variants, with its name in the title."""
    number = int(product.id[1:])
    name = f"{WORDS[number // 4 % 12]} {WORDS[number // 48 % 12]}"
    title = f"{name} {product.title or ''}".strip()
    links = (("variant of", f"p{number - number % 4:03}"),) if number % 4 else ()
    return replace(product, title=title, links=links)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    return untrained(shop_snapshot(folder, 120, family), folder / "artifact")


@pytest.fixture(scope="session")
def opened(families: Path) -> OpenModel:
    return open_model(families, None, device="cpu")


@pytest.fixture(scope="session")
def opened_kge(families: Path) -> OpenModel:
    settings = {
        "snapshot": str(families.parent / "snapshots"),
        "output": str(families.parent / "kge"),
        "model": {"name": "transe", "p": 1},
        "dimension": 8,
        "negatives": {"count": 8, "shared": 1},
        "training": {"epochs": 10, "batch_size": 64, "learning_rate": 0.05, "device": "cpu"},
    }
    return open_model(train(validate_settings(KgeConfig, settings, "test")), None, device="cpu")


@pytest.fixture(scope="session")
def measured() -> Callable[..., tuple[dict[str, Any], Evaluation[OpenModel]]]:
    """A task run on a model: its report, and itself."""

    def run(
        task: str, model: OpenModel, split: str = "test", **settings: Any
    ) -> tuple[dict[str, Any], Evaluation[OpenModel]]:
        record = registry().get(EvaluationPlugin, task)
        evaluation = record.factory(validate_settings(record.config, settings, "test"))
        return run_evaluation(task, evaluation, model, split, lambda *told: None), evaluation

    return run
