from __future__ import annotations

import numpy as np
import pytest
import torch

from k3m_kg.contracts import ProductBatch
from k3m_kg.errors import UsageError
from k3m_kg.evaluation.classification import (
    ClassificationData,
    LabelledRows,
    classification_data,
    evaluate_classification,
    figures,
)
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.vectors.tuning import TuneSettings
from tests.lpm.tiny_links import TitleOnly, TriplesOnly


def test_a_probe_finds_nothing_of_a_target_that_it_must_not_see(opened: OpenModel) -> None:
    """The vector holds every visible triple: were the target among them, all would be right."""
    report = evaluate_classification(
        TriplesOnly(), opened.batcher, "kind", hide=("price",), cut_title=True
    ).report
    assert report["metrics"]["accuracy"] < 0.7
    told = evaluate_classification(TriplesOnly(), opened.batcher, "price", cut_title=True).report
    assert told["metrics"]["accuracy"] == 1  # the kind, which it may see, decides the price


def test_the_title_tells_the_target_unless_it_is_cut(opened: OpenModel) -> None:
    kept = evaluate_classification(TitleOnly(), opened.batcher, "kind", cut_title=False).report
    cut = evaluate_classification(TitleOnly(), opened.batcher, "kind", cut_title=True).report
    assert kept["metrics"]["accuracy"] > cut["metrics"]["accuracy"] + 0.2


def test_only_products_with_one_value_are_classified(opened: OpenModel) -> None:
    snapshot = opened.snapshot
    data = classification_data(opened.batcher, "itemColour", "test")
    for part in (data.train, data.validation, data.test):
        for row, label in zip(part.rows, part.labels, strict=True):
            values = [v for n, v in snapshot.product(int(row)).properties if n == "itemColour"]
            assert values == [opened.batcher.catalog.values[label]]
    kept = sum(len(part.rows) for part in (data.train, data.validation, data.test))
    assert data.skipped == len(snapshot) - kept > 0


def test_categories_are_a_target_too(opened: OpenModel) -> None:
    report = evaluate_classification(TriplesOnly(), opened.batcher, "category").report
    assert report["target"] == "category"
    assert report["metrics"]["accuracy"] == 1  # it is the kind, which stays visible
    with pytest.raises(UsageError, match="only a property's words"):
        evaluate_classification(TriplesOnly(), opened.batcher, "category", cut_title=True)


def test_link_prediction_classifies_and_the_better_way_is_taken(opened: OpenModel) -> None:
    """By `price`, which `kind` determines: a probe reads it off, ranking by what is seen not."""
    by = {
        mode: evaluate_classification(TriplesOnly(), opened.batcher, "price", mode=mode).report[
            "metrics"
        ]
        for mode in ("probe", "links", "auto")
    }
    assert by["probe"]["accuracy"] > by["links"]["accuracy"]
    assert by["auto"]["chosen"] == "probe"
    assert by["auto"]["accuracy"] == by["probe"]["accuracy"]
    alone = evaluate_classification(TriplesOnly(), opened.batcher, "price", ranks=False).report
    assert alone["metrics"]["chosen"] == "probe"


def test_figures_are_those_of_the_textbook() -> None:
    rows = np.arange(5)
    train = LabelledRows(rows, np.array([1, 1, 2, 3, 1]))
    test = LabelledRows(rows, np.array([1, 1, 2, 2, 9]))
    data = ClassificationData("p", 0, train, train, test, 0)
    result = figures(data, np.array([1, 2, 2, 2, 3]))
    assert result["accuracy"] == pytest.approx(3 / 5)
    assert result["majority"] == pytest.approx(2 / 5)
    # F1: class 1 2/3, class 2 4/5, class 9 (never seen in training) 0
    assert result["macro_f1"] == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)


def test_of_labels_that_are_as_frequent_the_majority_is_the_first_by_id() -> None:
    rows = np.arange(4)
    train = LabelledRows(rows, np.array([5, 2, 5, 2]))
    test = LabelledRows(rows, np.array([2, 2, 2, 5]))
    data = ClassificationData("p", 0, train, train, test, 0)
    assert figures(data, test.labels)["majority"] == pytest.approx(3 / 4)


class Learner(TriplesOnly):
    """Sees the triples through a layer that starts out nearly blind, until it is trained."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(width, 8)
        torch.nn.init.normal_(self.layer.weight, std=1e-3)

    def heads(self, batch: ProductBatch) -> torch.Tensor:
        return self.layer(super().heads(batch))


def test_finetuning_learns_and_leaves_the_model_as_it_was(opened: OpenModel) -> None:
    model = Learner(len(opened.batcher.catalog.values)).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    settings = TuneSettings(epochs=8, patience=8, batch_size=8, learning_rate=0.3)
    told: list[str] = []
    report = evaluate_classification(
        model,
        opened.batcher,
        "price",
        mode="finetune",
        finetuning=settings,
        progress=lambda stage, count: told.append(stage),
    ).report
    assert report["metrics"]["majority"] < 0.7
    assert report["metrics"]["accuracy"] == 1  # the kind decides the price
    assert 1 <= report["metrics"]["best_epoch"] <= 8
    assert {"fine-tune epoch 1", "validate", "test"} <= set(told)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not model.training


def test_finetuning_stops_when_validation_no_longer_improves(opened: OpenModel) -> None:
    told: list[str] = []
    settings = TuneSettings(epochs=9, patience=2, learning_rate=0, head_learning_rate=0)
    report = evaluate_classification(
        opened.predictor,
        opened.batcher,
        "kind",
        mode="finetune",
        finetuning=settings,
        progress=lambda stage, count: told.append(stage),
    ).report
    assert report["metrics"]["best_epoch"] == 1
    assert "fine-tune epoch 3" in told
    assert "fine-tune epoch 4" not in told


def test_impossible_targets_and_modes_are_usage_errors(opened: OpenModel) -> None:
    with pytest.raises(UsageError, match="Did you mean 'kind'"):
        classification_data(opened.batcher, "kinds", "test")
    with pytest.raises(UsageError, match="is no task"):
        classification_data(opened.batcher, "fits", "test")
    with pytest.raises(UsageError, match="Did you mean 'probe'"):
        evaluate_classification(TitleOnly(), opened.batcher, "kind", mode="prob")


def test_a_target_that_is_misspelt_is_told_what_was_meant(opened: OpenModel) -> None:
    with pytest.raises(UsageError, match="Did you mean 'category'"):
        classification_data(opened.batcher, "Categry", "test")
