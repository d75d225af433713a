"""A grid for who names nothing but a snapshot: tasks, and what models there are."""

from __future__ import annotations

import numpy as np

from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.robustness.settings import BOOSTING, LINEAR, SIMPLE
from k3m_kg.snapshot import CATEGORY, Snapshot
from k3m_kg.training.presets import PRESETS
from k3m_kg.use.completion.completable import why_left_out

_BESIDE = ("qa",)
"""Further tasks, where they are installed."""
_MOST = 50
"""Values of a property that products are told apart by."""
_OFTEN = 0.5
"""Share of the train products that must have one value of it."""
_EACH, _COVERED = 5, 0.9
"""Products that a value needs to be learned, and the share of products that have such a value."""


def summaries() -> dict[str, str]:
    """Every model in words."""
    return {name: preset.summary for name, preset in PRESETS.items()} | {
        LINEAR: "logistic regression on the same ready-made features, words and attributes",
        BOOSTING: "gradient boosting on the same, of at most 5,000 products and 30 classes",
    }


def known_models() -> tuple[str, ...]:
    """Every model that there is."""
    return (*PRESETS, *SIMPLE)


def default_tasks(snapshot: Snapshot) -> tuple[tuple[str, ...], str]:
    """Classification by the category, or by the property that tells products apart best; link
    prediction; questions and answers where that is installed.

    Returns:
        Tasks, and a remark on what was chosen for classification.
    """
    target = CATEGORY if snapshot.has_categories else _target(snapshot)
    tasks = [] if target is None else [f"classification:{target}"]
    installed = set(registry().names(EvaluationPlugin.kind))
    others = (name for name in _BESIDE if name in installed)
    if target is None:
        remark = (
            f"no classification: of no property most products have one of 2 to {_MOST} values with "
            f"{_EACH} products each; name one with --tasks classification:PROPERTY"
        )
    else:
        remark = f"classification is by {target!r}; --tasks classification:PROPERTY asks another"
    return (*tasks, "link-prediction", *others), remark


def _target(snapshot: Snapshot) -> str | None:
    """The property that tells products apart best, among those whose values can be learned.

    It can be completed, most train products have one value of it, it has few values, and most
    products have one that others have as well. Best is the greatest entropy.
    """
    train = snapshot.rows("train")
    rows = snapshot.triple_product
    width = max(1, len(snapshot))
    pairs, counts = np.unique(
        snapshot.triple_property.astype(np.int64) * width + rows, return_counts=True
    )
    single = pairs[counts == 1]
    single = single[np.isin(single % width, train)]
    often = np.bincount(single // width, minlength=len(snapshot.properties))
    best: tuple[float, str] | None = None
    for place, (values, times) in enumerate(zip(*snapshot.candidates(), strict=True)):
        if not 2 <= len(values) <= _MOST or often[place] < _OFTEN * len(train):
            continue
        if times[times >= _EACH].sum() < _COVERED * times.sum() or (times >= _EACH).sum() < 2:
            continue
        if why_left_out([snapshot.value_text(int(value)) for value in values], times) is not None:
            continue
        shares = times / times.sum()
        found = float(-(shares * np.log(shares)).sum()), snapshot.properties[place]
        best = found if best is None else max(best, found)
    return None if best is None else best[1]
