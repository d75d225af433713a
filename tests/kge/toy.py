"""A small graph with an order that can be learnt: a ring, its turning back, and parity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.config import validate_settings
from k3m_kg.kge.settings import KgeConfig

ENTITIES = 40


def ring(*, inverse: bool = False) -> list[tuple[str, str, str]]:
    rows = []
    for i in range(ENTITIES):
        for step in (1, 2, 3):
            rows.append((f"e{i}", f"plus{step}", f"e{(i + step) % ENTITIES}"))
        rows.append((f"e{i}", "parity", f"p{i % 2}"))
        if inverse:
            rows.append((f"e{(i + 1) % ENTITIES}", "minus1", f"e{i}"))
    return rows


def write(folder: Path, rows: list[tuple[str, str, str]] | None = None) -> Path:
    """train, valid and test in a folder, every tenth triple in each of the latter two."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ring() if rows is None else rows
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    tenth = len(rows) // 10
    parts = {"valid": order[:tenth], "test": order[tenth : 2 * tenth], "train": order[2 * tenth :]}
    for name, part in parts.items():
        lines = "".join("\t".join(rows[i]) + "\n" for i in part)
        (folder / f"{name}.tsv").write_text(lines, encoding="utf-8")
    return folder


def config(folder: Path, output: Path, **changes: Any) -> KgeConfig:
    training = {
        "epochs": 6,
        "batch_size": 64,
        "learning_rate": 0.05,
        "validate_every": 2,
        "device": "cpu",
    }
    settings: dict[str, Any] = {
        "triples": {"folder": folder},
        "output": output,
        "model": "complex",
        "dimension": 8,
        "loss": "cross-entropy",
        "negatives": {"count": 16, "shared": 8},
        "training": training | changes.pop("training", {}),
    }
    return validate_settings(KgeConfig, settings | changes, "test")
