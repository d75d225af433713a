"""The models that are compared: equal in size, different in the idea alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.errors import ConfigError, UsageError
from k3m_kg.model.compose import resolve
from k3m_kg.training.presets import PRESETS, changed, matched, weights_between
from k3m_kg.training.recipe import Shape, recipe

SHAPE = Shape(2000, 2000, 2000, 1.0, 10, 11.0, 20)


def config_of(size: str = "small") -> dict[str, Any]:
    return recipe(
        SHAPE, lambda kind, name: False, snapshot=Path("s"), output=Path("o"), size=size
    ).settings  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def configs() -> dict[str, dict[str, Any]]:
    return {name: changed(config_of(), name) for name in PRESETS}


def test_all_have_as_many_weights_between_encoders_and_products(
    configs: dict[str, dict[str, Any]],
) -> None:
    sizes = {name: weights_between(config) for name, config in configs.items()}
    assert sizes["k3m"] == weights_between(config_of()), "K3M itself is not changed"
    for name, size in sizes.items():
        assert abs(size / sizes["k3m"] - 1) <= 0.05, (name, size, sizes["k3m"])


def test_larger_models_can_be_matched_too() -> None:
    base = config_of("base")
    for name in ("vl-bert-pkg", "lxmert", "vilbert"):
        assert weights_between(changed(base, name)) == pytest.approx(
            weights_between(base), rel=0.05
        )


def test_the_published_size_is_k3m_as_it_is_and_baselines_have_no_structure() -> None:
    paper = config_of("paper")
    k3m = changed(paper, "k3m")
    assert k3m["model"]["interactor"] == paper["model"]["interactor"] | {"name": "co-attention"}
    assert k3m["model"]["structure"] == {"name": "star-attention", "heads": 8}
    assert k3m["model"]["knowledge"] == "product"
    baseline = changed(paper, "vl-bert")
    assert baseline["model"]["structure"] == {"name": "none"}
    assert weights_between(baseline) == pytest.approx(weights_between(k3m), rel=0.05)


def test_nothing_but_the_idea_differs(configs: dict[str, dict[str, Any]]) -> None:
    same = ("text_encoder", "image_encoder", "training", "snapshot")
    before = config_of()
    for name, config in configs.items():
        assert {key: config.get(key) for key in same} == {key: before.get(key) for key in same}
        if name == "k3m-evidence":  # what `pretrain` makes
            assert config["model"]["evidence"] == before["model"]["evidence"]
            assert config["tasks"] == before["tasks"]
            continue
        assert "evidence" not in config["model"], name
        links = next(task for task in config["tasks"] if task["name"] == "lpm")
        assert links["questions"] == "hidden", name


def test_baselines_see_no_knowledge_or_see_it_as_text(configs: dict[str, dict[str, Any]]) -> None:
    for name in ("vilbert", "vl-bert", "lxmert"):
        bare, told = configs[name], configs[f"{name}-pkg"]
        names = [item["name"] for item in told["modalities"]]
        assert names == ["title", "knowledge", *(["image"] if "image" in names else [])]
        assert "knowledge" not in [item["name"] for item in bare["modalities"]]
        for config in (bare, told):
            assert config["model"]["structure"]["name"] == "none"
            assert config["fusion"] == "interactive-only"


def test_a_config_keeps_its_own_settings_of_what_is_the_same() -> None:
    own = config_of() | {"fusion": {"name": "hard-spl", "gates": "linear"}}
    assert changed(own, "k3m")["fusion"] == own["fusion"]
    assert changed(own, "k3m-soft")["fusion"] == "soft-spl"


def test_each_is_a_config_that_can_be_trained(configs: dict[str, dict[str, Any]]) -> None:
    for config in configs.values():
        resolve(validate_settings(RunConfig, config, "preset"))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UsageError, match="vilbert"):
        changed(config_of(), "vilbrt")
    with pytest.raises(ConfigError, match="link prediction"):
        changed(config_of() | {"tasks": ["mlm"]}, "k3m")
    with pytest.raises(ConfigError, match="no depth and width"):
        matched(changed(config_of(), "vl-bert"), 1000)
