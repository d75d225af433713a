"""`k3m-kg demo` refuses to overwrite, and reports what it measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from k3m_kg.demo.measure import CEILING, K3M, Scorecard
from k3m_kg.demo.pipeline import MARKER, run_demo
from k3m_kg.demo.training import demo_config, train_all
from k3m_kg.demo.world import PROPERTIES
from k3m_kg.errors import SnapshotError, UsageError


def quiet(stage: str, done: int, total: int, info: str) -> None:
    """Watch nothing."""


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="something else than an earlier demo"):
        run_demo(tmp_path, products=200, seed=0, epochs=1, watch=quiet)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_without_knowledge_no_triple_is_ever_shown(tmp_path: Path) -> None:
    plain = demo_config(tmp_path, tmp_path, seed=0, epochs=1, knowledge=False)
    lpm = next(task for task in plain.tasks if task.name == "lpm")
    assert lpm.settings["shown"] == dict.fromkeys(PROPERTIES, 0.0)
    assert set(plain.validation.hide) == set(PROPERTIES)
    whole = demo_config(tmp_path, tmp_path, seed=0, epochs=1, knowledge=True)
    assert plain.model == whole.model
    assert plain.training == whole.training


@pytest.fixture
def answers() -> Scorecard:
    products = np.repeat(np.arange(500), 2)
    return Scorecard(
        products,
        ["colour", "warranty"] * 500,
        {
            (K3M, "all"): np.ones(1000, bool),
            (K3M, "no title"): np.zeros(1000, bool),
            (CEILING, "all"): np.ones(1000, bool),
        },
    )


def test_accuracy_falls_with_the_share_that_is_missing(answers: Scorecard) -> None:
    shares = (0.0, 0.2, 0.5, 0.8, 1.0)
    found = [answers.corrupted(K3M, "no title", share) for share in shares]
    assert found == sorted(found, reverse=True)
    np.testing.assert_allclose(found, [1 - share for share in shares], atol=0.06)


def test_accuracy_is_per_property(answers: Scorecard) -> None:
    assert answers.per_property(K3M) == {"colour": 1.0, "warranty": 1.0}


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    def interrupted(stage: str, done: int, total: int, info: str) -> None:
        raise KeyboardInterrupt

    (tmp_path / MARKER).write_text("{}")
    (tmp_path / "old").write_text("of the first run")
    with pytest.raises(KeyboardInterrupt):
        run_demo(tmp_path, products=200, seed=1, epochs=1, watch=interrupted)
    assert not (tmp_path / "old").exists()
    assert (tmp_path / MARKER).exists()


def test_a_model_that_cannot_be_trained_ends_the_demo_with_its_reason(tmp_path: Path) -> None:
    config = demo_config(tmp_path / "none", tmp_path / "out", seed=0, epochs=1, knowledge=True)
    with pytest.raises(SnapshotError, match="none"):
        train_all({"K3M": config}, quiet)
