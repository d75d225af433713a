"""Training steps over a small shop, for what must hold of every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from k3m_kg.snapshot import Snapshot
from k3m_kg.training.evidence import fit_evidence
from k3m_kg.training.loop.optimizer import MovingAverage, parameter_groups
from tests.model.conftest import Built, settings

_LPM = {"name": "lpm", "loss": "cross-entropy"}
_ALONE = {**_LPM, "questions": "leave-one-out"}
_TERM = {"knowledge": "term"}
_DEMO = {
    "fusion": {"name": "hard-spl", "gates": "linear"},
    "model": {**_TERM, "pool": "modalities"},
    "tasks": [
        {"name": "mlm", "weight": 0.1, "products": 0.4},
        {"name": "mom", "weight": 0.1, "products": 0.4},
        {
            **_ALONE,
            "scorer": {"name": "transe", "settings": {"p": 2, "power_norm": True}},
            "scale": 0.13,
            "cut_title": 0.9,
            "keep_title": 0.1,
            "shown": {"price": 0.5},
        },
    ],
}
_RECIPE = {
    "model": {**_TERM, "pool": "modalities", "evidence": {"drop": 0.0}},
    "tasks": [
        {
            **_ALONE,
            "label_smoothing": 0.02,
            "ask": "shared",
            "at_most": 4,
            "cut_title": 1.0,
            "keep_title": 0.0,
        },
        {"name": "modality-dropout", "title": 0.25, "image": 0.3, "both": 0.1},
    ],
}
CASES: dict[str, dict[str, Any]] = {
    "default": {"tasks": ["mlm", "mom", "lpm"]},
    "demo": _DEMO,
    "recipe": _RECIPE,
    "recipe without pictures": {**_RECIPE, "modalities": ["title"]},
    "margin, leave-one-out": {"model": _TERM, "tasks": [{**_ALONE, "loss": "margin"}]},
    "cross-entropy, hidden": {"tasks": ["mlm", _LPM]},
    "evidence, hidden": {"model": {**_TERM, "evidence": {"drop": 0.0}}, "tasks": [_LPM]},
    "sixty products": {"model": _TERM, "tasks": [_ALONE]},  # a property fills several tiles
}
_HIDDEN = {**_LPM, "gate": "relation", "experts": 2}
ROBUST: dict[str, dict[str, Any]] = {
    "noise, gate, experts, contrast": {
        "fusion": {"name": "experts", "experts": 2},
        "model": {**_TERM, "interactor": {"name": "cross-modality", "layers": 1, "heads": 2}},
        "tasks": [
            {**_HIDDEN, "questions": "leave-one-out"},
            {"name": "modality-noise", "noise": 0.4, "swap": 0.4},
            "contrastive",
        ],
    },
    "single stream, knowledge as text, a probe": {
        "fusion": "interactive-only",
        "modalities": ["title", {"name": "knowledge", "max_tokens": 24}, "image"],
        "model": {
            **_TERM,
            "interactor": {"name": "single-stream", "layers": 1, "heads": 2},
            "structure": "none",
        },
        "tasks": [{"name": "mlm", "others": ["knowledge"]}, {**_HIDDEN, "probe": True}],
    },
}
"""Not among those whose losses are kept: nothing here was faster once."""
FROZEN: dict[str, dict[str, Any]] = {
    "recipe, frozen text": {**_RECIPE, "text_encoder": {"name": "minilm", "layers": 0}},
    "mlm, frozen text": {"text_encoder": {"name": "minilm", "layers": 1}, "tasks": ["mlm", _LPM]},
}


def built_of(snapshot: Snapshot, folder: Path, changes: dict[str, Any]) -> Built:
    """The model of a case, its evidence counted; without dropout."""
    changes = dict(changes)
    text = changes.pop("text_encoder", None)
    config = settings(snapshot.path, folder / "out", **changes)
    if text:
        data = config.model_dump(mode="json") | {"text_encoder": text}
        config = type(config).model_validate(data)
    built = Built(snapshot, config)
    torch.manual_seed(0)
    fit_evidence(built.model, built.batcher, built.batcher.modalities, built.rows)
    return built


def one(built: Built, rows: Any, generator: torch.Generator, device: torch.device) -> Any:
    batch = built.trainer.corrupt(built.batcher.batch(rows), generator).to(device)
    return built.trainer(batch)


def losses(built: Built, steps: int = 10, size: int = 8) -> list[float]:
    """Of so many steps of AdamW on the CPU."""
    torch.manual_seed(1)
    trainer = built.trainer.eval()
    groups = parameter_groups(built.model, built.tasks, built.config.training)
    optimizer = torch.optim.AdamW(groups, foreach=False)
    average = MovingAverage([built.model, built.tasks], 0.9)
    generator = torch.Generator().manual_seed(3)
    found = []
    for step in range(steps):
        start = step * size % (len(built.rows) - size + 1)
        loss, _ = one(built, built.rows[start : start + size], generator, torch.device("cpu"))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(trainer.parameters(), 1.0, foreach=False)
        optimizer.step()
        average.update(step)
        found.append(float(loss.detach()))
    return found
