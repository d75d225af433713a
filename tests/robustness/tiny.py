"""A grid that takes seconds: a shop, and a config as small as models get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from k3m_kg.robustness.settings import GridSettings
from k3m_kg.snapshot import Snapshot
from tests.catalogs import shop_snapshot

TASKS = ("classification:kind", "link-prediction")


def tiny_snapshot(folder: Path) -> Snapshot:
    return Snapshot.open(shop_snapshot(folder, 50, validation=0.1, test=0.4))


def tiny_config(snapshot: Path) -> dict[str, Any]:
    return {
        "snapshot": str(snapshot),
        "output": "nowhere",
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
            "knowledge": "term",
            "interactor": {"layers": 2, "heads": 2},
            "structure": {"heads": 2},
        },
        "tasks": [{"name": "lpm", "loss": "cross-entropy"}],
        "training": {"epochs": 1, "batch_size": 16, "loggers": [], "device": "cpu"},
        "validation": {"cut_title": False},
    }


def tiny_settings(**more: Any) -> GridSettings:
    given: dict[str, Any] = {
        "models": ("k3m", "vilbert", "linear"),
        "tasks": TASKS,
        "corruptions": ("TMR", "MNR"),
        "ratios": (0.0, 0.5, 1.0),
        "seeds": 1,
    }
    return GridSettings(**(given | more))
