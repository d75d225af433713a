"""Two processes train the embeddings of one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import train
from tests.kge.test_training import Stop, StopsAfter, weights
from tests.kge.toy import config, write
from tests.torchrun import run_forked

CASES: dict[str, dict[str, Any]] = {
    # every step reads the whole table, a loss that is a mean over positives
    "whole": {"negatives": {"count": 16, "shared": 8}, "training": {"l3": 0.1}},
    # a few rows of it; a mean over what counts as negative; a last batch of a single group
    "rows": {
        "model": "transe",
        "loss": "margin",
        "inverse_relations": True,
        "negatives": {"count": 4, "shared": 2, "known": True},
        "training": {"batch_size": 10},
    },
    "a scorer with weights": {"model": "ermlp", "loss": "bce"},
}


def together(settings: KgeConfig, *more: str) -> Path:
    path = settings.output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    run_forked(["kge", "train", str(path), *more], path)
    return settings.output


def assert_same(one: Path, two: Path) -> None:
    ours, theirs = (json.loads((path / "metrics.json").read_text()) for path in (one, two))
    assert len(ours["validation"]) == len(theirs["validation"]) > 1
    for mine, its in zip(ours["validation"], theirs["validation"], strict=True):
        assert math.isclose(mine["loss"], its["loss"], rel_tol=1e-4)
    found = weights(two)
    for name, tensor in weights(one).items():
        assert (tensor - found[name]).abs().max() < 1e-3, name


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_two_processes_train_as_one(changes: dict[str, Any], tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    changes = changes | {"training": changes.get("training", {}) | {"epochs": 4}}
    one = train(config(data, tmp_path / "one", **changes))
    assert_same(one, together(config(data, tmp_path / "two", **changes)))
    if changes.get("model") == "transe":  # begun by one
        with pytest.raises(Stop):
            train(config(data, tmp_path / "more", **changes), observer=StopsAfter(1))
        assert_same(one, together(config(data, tmp_path / "more", **changes), "--resume"))
