"""A config from a catalog's shape; and the budget that its training keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.model.compose import resolve
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.artifact.folder import Artifact
from k3m_kg.training.loop import budget
from k3m_kg.training.loop.budget import TimeBudget
from k3m_kg.training.pretrain import pretrain
from k3m_kg.training.recipe import SIZES, Recipe, Shape, recipe
from k3m_kg.training.watching.observing import Silent
from tests.catalogs import shop_snapshot
from tests.model.conftest import settings

SHAPE = Shape(
    products=2000,
    with_picture=1900,
    with_title=2000,
    english=0.99,
    title_words=9,
    triples=8.0,
    most_triples=14,
)


def everything(kind: str, name: str) -> bool:
    return True


def chosen(shape: Shape, installed=everything, **more) -> Recipe:
    return recipe(shape, installed, snapshot=Path("cut"), output=Path("out"), **more)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("products", [1, 10, 300, 10_000, 3_000_000])
@pytest.mark.parametrize("pictures", [0, 1])
def test_every_recipe_is_a_config(size: str, products: int, pictures: int) -> None:
    shape = replace(SHAPE, products=products, with_picture=products * pictures)
    found = chosen(shape, size=size, minutes=5.0)
    config = resolve(validate_settings(RunConfig, found.settings, "test"))
    assert [item.name for item in config.modalities] == ["title", "image"][: 1 + pictures]
    assert config.training.minutes == 5
    assert (config.model.evidence is None) == (size == "paper")
    assert all(what and why for what, why in found.reasons)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_hidden_is_shown_to_no_question_and_asked_all_the_same(size: str) -> None:
    found = chosen(SHAPE, size=size, hide=["kind"])
    config = resolve(validate_settings(RunConfig, found.settings, "test"))
    assert list(config.validation.hide) == ["kind"]
    (lpm,) = [task for task in config.tasks if task.name == "lpm"]
    assert lpm.settings["shown"] == {"kind": 0}
    assert any("kind" in what for what, _ in found.reasons)


def test_what_is_set_takes_the_place_of_what_was_chosen_and_of_its_reason() -> None:
    found = chosen(SHAPE)
    changed = found.overridden(["image_encoder=patch-vit", "training.epochs=3", "fusion=mean"])
    assert changed.settings["image_encoder"] == "patch-vit"
    assert changed.settings["training"]["epochs"] == 3
    assert changed.settings["fusion"] == "mean"
    said = [what for what, _ in changed.reasons]
    assert said[-3:] == ["image_encoder: patch-vit", "training.epochs: 3", "fusion: mean"]
    gone = {what for what, _ in found.reasons} - set(said)
    assert {what.partition(":")[0] for what in gone} == {"image_encoder", "training.batch_size"}
    config = resolve(validate_settings(RunConfig, changed.settings, "test"))
    assert config.image_encoder is not None
    assert config.image_encoder.name == "patch-vit"
    assert found == chosen(SHAPE)  # it is another one


def test_the_published_sizes_are_those_of_the_paper() -> None:
    found = resolve(validate_settings(RunConfig, chosen(SHAPE, size="paper").settings, "test"))
    text, image = found.text_encoder.settings, found.image_encoder.settings
    assert (text["layers"], found.model.hidden) == (12, 768)
    assert (image["layers"], (image["size"] // image["patch"]) ** 2) == (6, 36)
    assert found.model.interactor.settings["layers"] == 6
    assert found.model.max_title_tokens == 36
    assert found.model.structure.settings["heads"] == 8
    assert [task.name for task in found.tasks] == ["mlm", "mom", "lpm"]
    assert found.training.betas == (0.9, 0.98)


def test_pretrained_encoders_are_taken_where_they_are_and_fit() -> None:
    both = chosen(SHAPE).settings
    assert both["text_encoder"]["name"] == "minilm"
    assert both["image_encoder"]["name"] == "efficientnet-lite0"
    bare = chosen(SHAPE, lambda kind, name: False)
    assert bare.settings["text_encoder"]["name"] == "bert-wordpiece"
    assert bare.settings["image_encoder"]["name"] == "patch-vit"
    assert "not installed" in " ".join(why for _, why in bare.reasons)
    chinese = chosen(replace(SHAPE, english=0.1))
    assert chinese.settings["text_encoder"]["name"] == "bert-wordpiece"
    assert "10%" in " ".join(why for _, why in chinese.reasons)


def test_every_property_gets_a_regression_whatever_the_catalog() -> None:
    for products in (50, 8000):
        settings = chosen(replace(SHAPE, products=products)).settings
        assert settings["model"]["evidence"] == {"regressions": True}


def test_the_shape_is_counted(tmp_path: Path) -> None:
    snapshot = Snapshot.open(shop_snapshot(tmp_path, 60))
    shape = Shape.of(snapshot)
    rows = snapshot.rows("train")
    products = [snapshot.product(row) for row in rows.tolist()]
    assert shape.products == len(rows)
    assert shape.with_picture == sum(bool(product.images) for product in products)
    assert shape.with_title == sum(product.title is not None for product in products)
    assert shape.english == 1
    assert shape.triples == pytest.approx(
        sum(len(product.properties) for product in products) / len(rows)
    )


class Clock:
    """Time that passes when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(budget, "time", found)
    return found


def test_a_budget_knows_how_many_steps_fit(clock: Clock) -> None:
    some = TimeBudget(1.0)
    assert some.steps(10) is None
    clock.now += 20
    for _ in range(12):
        clock.now += 0.5
        some.step()
    assert some.seconds(4) == pytest.approx(2)
    left = 60 * 0.92 - 26
    assert some.steps(1000) == int(left / 0.5)
    assert some.steps(7) == 7
    clock.now += 40
    assert some.over
    assert some.steps(1000) == 0
    assert TimeBudget(None).steps(10) is None


def test_a_budget_counts_from_the_command_and_leaves_room_for_its_end(clock: Clock) -> None:
    began = clock.now
    clock.now += 12  # imports
    some = TimeBudget(1.0, began)
    assert some.elapsed == pytest.approx(12)
    assert some.room == pytest.approx(60 * 0.92)
    with some.closing("writing", 2):
        clock.now += 3
    with some.closing("validation"):
        clock.now += 8
    assert some.room == pytest.approx(60 - 14)
    with some.closing("validation"):  # the last one is what the next will take
        clock.now += 4
    assert some.room == pytest.approx(60 - 10)
    with some.closing("writing"):
        clock.now += 100
    assert some.room == pytest.approx(30), "something is trained in any case"
    assert TimeBudget(None).room is None


class Watching(Silent):
    """Every step takes a while; notes how many were planned."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.plans: list[int] = []

    def planned(self, steps: int, epochs: float, seconds: float) -> None:
        self.plans.append(steps)

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        self.clock.now += self.seconds
        assert step <= total


def test_a_training_ends_within_its_budget(tmp_path: Path, clock: Clock) -> None:
    """200 epochs are asked for, and as many are trained as fit into a minute."""
    snapshot = shop_snapshot(tmp_path / "shop", 60)
    training = {"epochs": 200, "minutes": 1.0, "threads": 1, "batch_size": 8}
    config = settings(snapshot, tmp_path / "out", training=training, tasks=["lpm"])
    watching, began = Watching(clock, 2.0), clock.now
    artifact = Artifact.load(pretrain(config, observer=watching))
    assert clock.now - began <= 60
    assert 20 <= artifact.metrics["steps"] <= 28
    assert watching.plans[-1] == artifact.metrics["steps"]


def test_a_budget_that_is_too_small_for_an_epoch_still_gives_a_model(
    tmp_path: Path, clock: Clock
) -> None:
    snapshot = shop_snapshot(tmp_path / "shop", 60)
    training = {"epochs": 200, "minutes": 0.1, "threads": 1, "batch_size": 8}
    config = settings(snapshot, tmp_path / "out", training=training, tasks=["lpm"])
    artifact = Artifact.load(pretrain(config, observer=Watching(clock, 2.0)))
    assert 1 <= artifact.metrics["steps"] <= 3
    assert artifact.metrics["best_epoch"] >= 0


def test_a_budget_that_preparation_took_whole_leaves_one_step(tmp_path: Path, clock: Clock) -> None:
    snapshot = shop_snapshot(tmp_path / "shop", 60)
    training = {"epochs": 200, "minutes": 0.01, "threads": 1, "batch_size": 8}
    config = settings(snapshot, tmp_path / "out", training=training, tasks=["lpm"])
    watching = Watching(clock, 2.0)
    assert Artifact.load(pretrain(config, observer=watching)).metrics["steps"] == 1
