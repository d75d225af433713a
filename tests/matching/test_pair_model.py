"""Probabilities of pairs: calibrated where pairs are known, likeness where none are."""

from __future__ import annotations

import numpy as np
import pytest

from k3m_kg.errors import UsageError
from k3m_kg.matching.pair_model import figures_of, learned, unlearned


def pairs(count: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four features of which three tell, and the truth."""
    random = np.random.default_rng(seed)
    same = random.random(count) < share
    features = random.standard_normal((count, 4)) + np.outer(same, [1.8, 1.4, 1.2, 0])
    return features.astype(np.float32), same


def test_probabilities_are_as_often_right_as_they_say() -> None:
    features, same = pairs(600, 0.3)
    model = learned(features, same, np.arange(600) // 2)
    asked, truth = pairs(4000, 0.3, seed=1)
    found = figures_of(model.probabilities(asked), truth)
    assert model.calibrated
    assert found.calibration_error < 0.05
    assert found.f1 > 0.75
    assert model.figures is not None
    assert abs(model.figures.f1 - found.f1) < 0.08, "what it says of itself holds elsewhere"


def test_of_labels_that_say_nothing_every_probability_is_the_share() -> None:
    random = np.random.default_rng(3)
    features = random.standard_normal((400, 3)).astype(np.float32)
    model = learned(features, random.random(400) < 0.25, np.arange(400))
    assert model.probabilities(features).std() < 0.15
    assert model.figures is not None
    assert model.figures.average_precision < 0.45


def test_too_few_known_pairs_are_refused() -> None:
    features, _ = pairs(30, 0.5)
    with pytest.raises(UsageError, match="9 right and 21 wrong"):
        learned(features, np.arange(30) < 9, np.arange(30))


def test_figures_are_what_they_are_called() -> None:
    found = figures_of(np.array([0.9, 0.8, 0.6, 0.2]), np.array([True, True, False, True]))
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found.best_f1 == pytest.approx(2 * 3 / (4 + 3))
    assert found.best_level == 0.2
    later = figures_of(np.array([0.9, 0.1]), np.array([True, True]), found.best_level)
    assert (later.level, later.recall) == (0.2, 0.5)
    assert found.brier == pytest.approx((0.01 + 0.04 + 0.36 + 0.64) / 4)


def test_without_known_pairs_likeness_stands_in_and_says_so() -> None:
    model = unlearned()
    assert not model.calibrated
    assert "no probability" in model.name
    likeness = np.array([[0.0], [0.25], [1.0]], np.float32)
    assert model.probabilities(likeness) == pytest.approx([0, 0.25, 1], abs=1e-5)
