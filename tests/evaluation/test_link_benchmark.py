"""The table of `python -m benchmarks link_prediction`."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.link_prediction import FEW, MAJORITY, table


def report(mrr: float, left: int) -> dict[str, Any]:
    def leakage(value: float) -> dict[str, Any]:
        every = {"macro_mrr": value, "macro_hits@1": value / 2}
        clean = {"macro_mrr": value - 0.1, "macro_hits@1": value / 4}
        return {"with": every, "any": {"questions": 100 - left, "without": clean}}

    metrics = {"questions": 100}
    usual = {"leakage": leakage(0.4)}
    return {"metrics": metrics, "products": 9, "leakage": leakage(mrr), MAJORITY: usual}


@pytest.fixture
def models() -> dict[str, list[dict[str, Any]]]:
    """An embedding model of two seeds and K3M of one, which also reads whole titles."""
    return {
        "TransE": [{"test cut": report(value, FEW)} for value in (0.5, 0.7)],
        "K3M": [{"test cut": report(0.8, FEW), "test whole": report(0.9, FEW)}],
    }


def test_each_model_has_mean_and_spread_over_its_seeds(
    models: dict[str, list[dict[str, Any]]],
) -> None:
    lines = table(models, "test").splitlines()
    assert lines[0] == f"100 questions on 9 products, {FEW} without leaks"
    assert lines[4:] == [
        f"| {MAJORITY} | - | 0.400 | 20.0 | 0.300 | 10.0 |",
        "| TransE | 2 | 0.600 +- 0.141 | 30.0 +- 7.1 | 0.500 +- 0.141 | 15.0 +- 3.5 |",
        "| K3M, title cut | 1 | 0.800 | 40.0 | 0.700 | 20.0 |",
        "| K3M, title whole | 1 | 0.900 | 45.0 | 0.800 | 22.5 |",
    ]


def test_what_too_few_questions_say_is_not_shown() -> None:
    shown = table({"TransE": [{"train cut": report(0.5, FEW - 1)}]}, "train")
    assert "| TransE | 1 | 0.500 | 25.0 | - | - |" in shown
