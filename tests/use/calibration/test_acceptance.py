from __future__ import annotations

import numpy as np
import pytest

from k3m_kg.use.calibration.acceptance import (
    LEAST_PROBABILITY,
    Acceptor,
    Threshold,
    least_count,
    lower_bound,
    mean_applies,
    threshold,
    thresholds,
)
from k3m_kg.use.calibration.kept import Calibration, PartSize, PropertyCalibration
from k3m_kg.use.completion.proposals import Proposal


def sample(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are honest, and mostly high."""
    probability = 1 - random.random(count) ** 3 / 2
    return probability, random.random(count) < probability


def calibration(**properties: tuple[np.ndarray, np.ndarray]) -> Calibration:
    return Calibration(
        snapshot="s",
        weights="w",
        fitting=PartSize(products=0, questions=0),
        proof=PartSize(products=0, questions=0),
        pooled=1.0,
        properties={
            name: PropertyCalibration(
                temperature=1.0,
                source="own",
                fitting=0,
                probability=p.tolist(),
                right=r.tolist(),
                lacking=[1.0] * 5000,
                applies=[1.0] * 5000,
            )
            for name, (p, r) in properties.items()
        },
    )


def test_the_bound_is_the_exact_one_of_clopper_and_pearson() -> None:
    assert lower_bound(0, 10, 0.05) == 0
    assert lower_bound(10, 10, 0.05) == pytest.approx(0.05 ** (1 / 10))
    assert lower_bound(9, 10, 0.05) == pytest.approx(0.6058, abs=1e-3)  # a table's value


@pytest.mark.parametrize("precision", [0.8, 0.95])
def test_the_precision_is_kept_in_nine_of_ten_catalogs(precision: float) -> None:
    """The true precision of what is accepted, over many validation splits of honest models."""
    random = np.random.default_rng(0)
    missed = reached = 0
    for _ in range(400):
        found = threshold(*sample(random, 900), precision)
        reached += found.reached
        # The mean of such probabilities from a threshold on is a quarter of the way down to it.
        missed += found.reached and 1 - (1 - found.probability) / 4 < precision
    assert reached > 350
    assert missed <= 40


def test_more_is_accepted_when_less_precision_is_wanted() -> None:
    probability, right = sample(np.random.default_rng(1), 2000)
    accepted = [threshold(probability, right, p).accepted for p in (0.8, 0.9, 0.95)]
    assert accepted == sorted(accepted, reverse=True)
    assert len(set(accepted)) == 3


def test_equal_probabilities_are_accepted_together_or_not_at_all() -> None:
    probability, right = np.full(1000, 0.97), np.arange(1000) >= 30
    assert threshold(probability, right, 0.95).accepted == 1000
    assert not threshold(probability, np.arange(1000) >= 60, 0.95).reached


def test_a_property_that_cannot_reach_it_gives_nothing() -> None:
    random = np.random.default_rng(2)
    poor = (random.uniform(0.9, 1, 500), random.random(500) < 0.5)
    good = (np.linspace(0.9, 1, 500), np.ones(500, bool))
    found = thresholds(calibration(poor=poor, good=good), 0.95)
    assert not found["poor"].reached
    assert found["good"].accepted == 500
    assert found["poor"].record()["threshold"] is None


def test_properties_with_few_questions_are_taken_together() -> None:
    few = {f"p{n}": (np.linspace(0.9, 1, 30), np.ones(30, bool)) for n in range(4)}
    assert least_count(0.95) > 30
    found = thresholds(calibration(**few), 0.95)
    assert {item.questions for item in found.values()} == {120}
    assert all(item.pooled and item.reached for item in found.values())
    alone = thresholds(calibration(p0=few["p0"]), 0.95)
    assert not alone["p0"].reached


def test_what_few_questions_could_prove_but_hardly_ever_do_is_proved_together() -> None:
    """Of each of four properties 27 of 30 are right: too little for 80 % alone, enough together."""
    thirty = np.full(30, 0.9), np.arange(30) >= 3
    assert least_count(0.8) < 30
    assert not thresholds(calibration(a=thirty), 0.8)["a"].reached
    found = thresholds(calibration(a=thirty, b=thirty, c=thirty, d=thirty), 0.8)
    assert all(item.pooled and item.reached for item in found.values())
    fifty = np.full(50, 0.9), np.arange(50) >= 45  # judged alone, it does not spoil the others
    found = thresholds(calibration(a=thirty, b=thirty, c=thirty, d=thirty, e=fifty), 0.8)
    assert [item.reached for item in found.values()] == [True] * 4 + [False]


def test_how_probably_it_applies_is_a_mean_by_hand() -> None:
    found = mean_applies(
        np.array([0.9, 0.7, 0.5]), np.array([0.6, 0.95, 0.7]), np.array([0.8, 0.97, 0.9])
    )
    expected = [(0.97 + 0.9) / 2, (0.97 + 0.9 + 0.7) / 3, (0.97 + 0.9 + 0.8 + 0.5) / 4]
    assert found == pytest.approx(expected)


def test_what_does_not_apply_is_wrong_in_what_is_promised() -> None:
    """All values are right; of 500 products that lack the property it applies to some."""
    sure, right = np.linspace(0.8, 1, 400), np.ones(400, bool)
    surely = (np.full(500, 0.97), np.full(500, 0.99))
    hardly = (np.full(500, 0.82), np.full(500, 0.83))
    assert threshold(sure, right, 0.9, surely).accepted == 400
    found = threshold(sure, right, 0.9, hardly)
    assert 0 < found.accepted < 400
    assert found.probability > 0.82  # above what hardly applies
    assert found.record()["validation_precision"] == pytest.approx(found.applies)
    assert not threshold(np.full(400, 0.82), right, 0.9, hardly).reached


def test_where_nobody_lacks_it_the_threshold_is_all_that_is_known() -> None:
    none = (np.empty(0), np.empty(0))
    found = threshold(np.linspace(0.9, 1, 1000), np.ones(1000, bool), 0.95, none)
    assert found.applies == found.probability > 0.95


def test_no_threshold_is_below_what_was_asked() -> None:
    surely = (np.full(500, 0.97), np.full(500, 0.99))
    found = threshold(np.linspace(0, 1, 1000), np.ones(1000, bool), 0.05, surely)
    assert found.probability >= LEAST_PROBABILITY


def test_properties_that_are_not_asked_have_no_part_in_what_rare_ones_share() -> None:
    few = {f"p{n}": (np.linspace(0.9, 1, 30), np.ones(30, bool)) for n in range(4)}
    poor = {"id": (np.ones(30), np.zeros(30, bool))}
    assert not thresholds(calibration(**few, **poor), 0.95)["p0"].reached
    found = thresholds(calibration(**few, **poor), 0.95, {"id"})
    assert found["p0"].reached
    assert "id" not in found


def test_what_is_accepted_and_what_was_asked_is_counted() -> None:
    accept = Acceptor({"a": Threshold(0.8, 100, 50, 49), "b": Threshold(np.inf, 100, 0, 0)})
    proposals = [
        Proposal("1", "a", "x", 0.0, 0.9),
        Proposal("2", "a", "x", 0.0, 0.7),
        Proposal("1", "b", "x", 0.0, 1.0),
        Proposal("1", "c", "x", 0.0, 1.0),
    ]
    assert list(accept(proposals)) == proposals[:1]
    report = accept.report()
    assert (report["a"]["asked"], report["a"]["accepted"], report["a"]["coverage"]) == (2, 1, 0.5)
    assert (report["b"]["accepted"], report["c"]["accepted"]) == (0, 0)
    assert report["c"]["threshold"] is None
