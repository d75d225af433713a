"""Several processes take the steps of one."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.config import RunConfig, load_config
from k3m_kg.errors import ConfigError
from k3m_kg.training.artifact.folder import Artifact
from k3m_kg.training.pretrain import pretrain
from k3m_kg.training.watching.logs import read_metrics
from tests.catalogs import Shop, shop_snapshot
from tests.torchrun import run_forked, said

NOTHING_RANDOM: dict[str, Any] = {
    "image_encoder": {
        "stem": "linear",
        "flip": False,
        "shift": 0,
        "zoom": 0,
        "embedding_dropout": 0,
    },
    "text_encoder": {"dropout": 0, "embedding_dropout": 0},
    "fusion": "mean",
    "model": {"knowledge": "term", "dropout": 0},
    "tasks": [
        {
            "name": "lpm",
            "loss": "cross-entropy",
            "questions": "leave-one-out",
            "full_context": 1.0,
            "cut_title": 1.0,
            "keep_title": 0.0,
        }
    ],
}


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of which few products have pictures or triples: a piece of a batch often has none."""

    def stripped(self: Shop) -> Any:
        for number, product in enumerate(self.products):
            bare = {} if number % 5 == 1 else {"images": ()}
            yield replace(product, **bare, **({} if number % 2 else {"triples": ()}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shop, "iter_products", stripped)
        return shop_snapshot(tmp_path_factory.mktemp("sparse"), 60)


def together(config: Path, size: int = 2, *, resume: bool = False) -> Path:
    """Train with some processes; the artifact."""
    run_forked(["pretrain", str(config), "--json", *(["--resume"] if resume else [])], config, size)
    return load_config(RunConfig, config).output


def logged(artifact: Path) -> list[dict[str, float]]:
    lines = read_metrics(artifact.with_name(f"{artifact.name}.run"))
    return [line for line in lines if "validation" not in line]


def assert_same_training(one: Path, other: Path, names: int) -> None:
    ours, theirs = logged(one), logged(other)
    assert len(ours) == len(theirs) > 4
    seen = set()
    for mine, its in zip(ours, theirs, strict=True):
        assert mine.keys() == its.keys()
        for name, value in mine.items():
            if name == "speed":
                continue
            seen.add(name)
            assert math.isclose(value, its[name], rel_tol=1e-4, abs_tol=1e-5), (name, mine, its)
    assert len(seen) >= names
    weights = [Artifact.load(path).model.state_dict() for path in (one, other)]
    for name, tensor in weights[0].items():
        if "running" not in name and tensor.is_floating_point():
            assert (tensor - weights[1][name]).abs().max() < 1e-3, name


def test_two_processes_train_as_one_that_accumulates(
    config_file: Callable[..., Path], sparse: Path
) -> None:
    """All tasks, all that is random; pieces without pictures, without questions."""
    settings = {
        "snapshot": str(sparse),
        "training": {"accumulate": 2, "learning_rate": 1e-4, "epochs": 1},
    }
    one = pretrain(load_config(RunConfig, config_file("one", **settings)))
    config = config_file("two", **settings)
    two = together(config)
    assert json.loads(said(config, "out0"))["artifact"] == str(two)
    assert said(config, "out1") == ""
    assert_same_training(one, two, names=7)


def test_pieces_make_the_step_of_the_whole_batch(
    config_file: Callable[..., Path], sparse: Path
) -> None:
    """Where nothing is random the way a batch is cut cannot matter."""
    settings = NOTHING_RANDOM | {"snapshot": str(sparse)}
    epochs = {"epochs": 1, "learning_rate": 1e-4}
    whole = pretrain(load_config(RunConfig, config_file("whole", **settings, training=epochs)))
    for name, training in (("one", {"accumulate": 8}), ("two", {"accumulate": 3})):
        config = config_file(name, **settings, training=training | epochs)
        cut = pretrain(load_config(RunConfig, config)) if name == "one" else together(config)
        assert_same_training(whole, cut, names=3)


def test_weights_shared_out_learn_what_whole_ones_do(
    config_file: Callable[..., Path], sparse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FSDP2 over the same pieces; a run goes on with more or fewer processes, shared or not."""
    training = {"accumulate": 4, "learning_rate": 1e-4, "epochs": 2, "ema": 0.9}
    settings = {"snapshot": str(sparse), "training": training}
    one = pretrain(load_config(RunConfig, config_file("one", **settings)))
    training["strategy"] = "fsdp"
    assert_same_training(one, together(config_file("two", **settings)), names=7)

    for name, before, after in (("more", 1, 2), ("fewer", 2, 1)):
        config = config_file(name, **settings)
        with monkeypatch.context() as patch:
            patch.setattr("k3m_kg.training.pretrain._Run._plan", end)
            with pytest.raises(AssertionError, match=r"\[3"):
                together(config, before)
        assert_same_training(one, together(config, after, resume=True), names=7)


def test_a_run_of_two_processes_goes_on_with_one(
    config_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = {"accumulate": 2, "learning_rate": 1e-4}
    straight = together(config_file("straight", training=training))
    config = config_file("begun", training=training)
    with monkeypatch.context() as patch:
        patch.setattr("k3m_kg.training.pretrain._Run._validate", end)
        with pytest.raises(AssertionError, match=r"\[3, 3\]"):
            together(config)
    begun = pretrain(load_config(RunConfig, config), resume=True)
    assert_same_training(straight, begun, names=7)


def test_regressions_beside_it_are_those_of_one_process(
    config_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitted by the process that began, read by those that go on; mixed by the first at the end."""
    settings: dict[str, Any] = {
        "snapshot": str(shop_snapshot(tmp_path / "cut", 80, validation=0.4)),
        "model": {"knowledge": "term", "evidence": {"regressions": True}},
        "tasks": [{"name": "lpm", "loss": "cross-entropy", "questions": "leave-one-out"}],
        "training": {"accumulate": 2, "learning_rate": 1e-4},
    }
    one = pretrain(load_config(RunConfig, config_file("one", **settings)))
    config = config_file("two", **settings)
    with monkeypatch.context() as patch:
        patch.setattr("k3m_kg.training.pretrain._Run._validate", end)
        with pytest.raises(AssertionError, match=r"\[3\]"):
            together(config, 1)
    two = together(config, resume=True)
    assert_same_training(one, two, names=3)
    found = [Artifact.load(path) for path in (one, two)]
    mixes = []
    for artifact in found:
        evidence = artifact.model.evidence
        assert evidence is not None
        assert evidence.regressions is not None
        mixes.append(evidence.regressions.mix)
    assert mixes[0]
    assert mixes[0].keys() == mixes[1].keys()
    for asked, weights in mixes[0].items():
        assert weights == pytest.approx(mixes[1][asked], abs=1e-2)
    ours, theirs = (artifact.metrics["validation"]["metrics"] for artifact in found)
    assert ours == pytest.approx(theirs, abs=1e-3)


def end(_run: object) -> None:
    os._exit(3)


def test_what_is_wrong_is_said_once(config_file: Callable[..., Path], tmp_path: Path) -> None:
    """The others only say that they lost one."""
    config = config_file()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("x")
    with pytest.raises(AssertionError, match=r"\[2, [12]\]"):
        together(config)
    assert "exists and is no artifact" in said(config, "err0")
    told = said(config, "err1")
    assert "another process has ended" in told or "found no others" in told
    assert "no artifact" not in told
    assert "Traceback" not in told


def test_a_batch_must_have_a_product_for_each_process(config_file: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="8 products cannot be cut into 9 pieces"):
        pretrain(load_config(RunConfig, config_file(training={"accumulate": 9})))
