"""A grid for who names nothing but a snapshot: models, tasks, and the config that they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.config import as_written, read_yaml, with_overrides
from k3m_kg.config.run import RunConfig
from k3m_kg.errors import UsageError
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.robustness.settings import BOOSTING, LINEAR, SIMPLE
from k3m_kg.snapshot import CATEGORY, Snapshot
from k3m_kg.training.presets import PRESETS
from k3m_kg.training.recipe import Shape, recipe

MODELS = ("k3m", "vilbert", "vilbert-pkg", "vl-bert-pkg", "lxmert-pkg", LINEAR, BOOSTING)
"""What is asked where nobody names models: K3M, what the paper compares it with, and the simple."""
_BESIDE = ("qa",)
"""Further tasks, where they are installed."""
_FEWEST, _MOST = 2, 200
"""Values of a property that products are told apart by."""
_OFTEN = 0.5
"""Share of the train products that must have one value of it."""


def summaries() -> dict[str, str]:
    """Every model in words."""
    return {name: preset.summary for name, preset in PRESETS.items()} | {
        LINEAR: "logistic regression on the same ready-made features, words and attributes",
        BOOSTING: "gradient boosting on the same, of at most 5,000 products and 30 classes",
    }


def known_models() -> tuple[str, ...]:
    """Every model that there is."""
    return (*PRESETS, *SIMPLE)


def default_tasks(snapshot: Snapshot) -> tuple[str, ...]:
    """Classification by the category, or by the property that tells most products apart; link
    prediction; questions and answers where that is installed.
    """
    target = _target(snapshot)
    tasks = [] if target is None else [f"classification:{target}"]
    installed = set(registry().names(EvaluationPlugin.kind))
    return (*tasks, "link-prediction", *(name for name in _BESIDE if name in installed))


def base_config(
    source: Path, snapshot: Snapshot | None, size: str, epochs: int | None, overrides: list[str]
) -> dict[str, Any]:
    """The config that every model is a change of, as a file holds it.

    Args:
        source: a config file, where `snapshot` is None.
        snapshot: what a config is chosen for.
        size: of that, as of `pretrain`.
        epochs: of training; None: as it says.
        overrides: `key=value`.

    Raises:
        ConfigError: it cannot be used.
    """
    if snapshot is None:
        found = read_yaml(source, RunConfig)
    else:

        def installed(kind: str, name: str) -> bool:
            return not registry().find(kind, name).lacks

        found = recipe(
            Shape.of(snapshot),
            installed,
            snapshot=snapshot.path,
            output=Path("model"),
            size=size,  # type: ignore[arg-type]
        ).settings
    if epochs is not None:
        overrides = [*overrides, f"training.epochs={epochs}"]
    found = dict(as_written(found))
    with_overrides(RunConfig, found, overrides, str(source))  # changes it
    return found


def snapshot_of(config: dict[str, Any], source: Path) -> Path:
    """Where a config's snapshot lies.

    Raises:
        UsageError: it names none.
    """
    if "snapshot" not in config:
        raise UsageError("names no snapshot", where=str(source))
    return Path(str(config["snapshot"]))


def _target(snapshot: Snapshot) -> str | None:
    """What to classify by: the category, or the property with most labelled products."""
    if snapshot.has_categories:
        return CATEGORY
    train = snapshot.rows("train")
    rows = snapshot.triple_product
    width = max(1, len(snapshot))
    pairs, counts = np.unique(
        snapshot.triple_property.astype(np.int64) * width + rows, return_counts=True
    )
    single = pairs[counts == 1]
    single = single[np.isin(single % width, train)]
    often = np.bincount(single // width, minlength=len(snapshot.properties))
    candidates, _ = snapshot.candidates()
    best: tuple[int, str] | None = None
    for name, values in enumerate(candidates):
        fits = _FEWEST <= len(values) <= _MOST and often[name] >= _OFTEN * len(train)
        if fits and (best is None or (len(values), snapshot.properties[name]) > best):
            best = len(values), snapshot.properties[name]
    return None if best is None else best[1]
