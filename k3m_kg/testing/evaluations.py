"""Conformance tests for an evaluation, on a small K3M over a small shop."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.contracts import Evaluation, Outcomes, Verdict
from k3m_kg.corruption import CORRUPTIONS, Corruption, corrupt
from k3m_kg.corruption.drawing import Draws
from k3m_kg.testing.shop import shop_snapshot
from k3m_kg.training.pretrain import pretrain
from k3m_kg.use.open_model import OpenModel, open_model

_PATCHES = {"size": 16, "patch": 8, "channels": [8], "layers": 1, "heads": 2, "codebook": 0}
_CONFIG: dict[str, Any] = {
    "image_encoder": {"name": "patch-vit", **_PATCHES},
    "text_encoder": {"name": "bert-wordpiece", "vocab_size": 150, "layers": 1, "heads": 2},
    "model": {"hidden": 16, "knowledge": "term", "interactor": {"layers": 1, "heads": 2}},
    "tasks": ["lpm"],
    "training": {"epochs": 1, "batch_size": 16, "device": "cpu"},
}


def opened_shop(folder: Path) -> OpenModel:
    """A model, hardly trained, on a shop some of whose triples are held out; both in `folder`."""
    cut = shop_snapshot(
        folder, 60, variants=True, categories=True, holdout=0.15, validation=0.2, test=0.2
    )
    paths = {"snapshot": str(cut), "output": str(folder / "artifact")}
    pretrain(validate_settings(RunConfig, _CONFIG | paths, "conformance"))
    return open_model(folder / "artifact", None, device="cpu")


class EvaluationCase:
    """Subclass this and give `build() -> Evaluation`."""

    @abstractmethod
    def build(self) -> Evaluation[OpenModel]:
        """The evaluation under test, with settings that make sense in the shop.

        Its 60 products have `itemColour`, `kind`, `price`, `fits`, titles, pictures, most of them a
        category (`home` or `wear`), and links `variant of`; see `k3m_kg.testing.shop`.
        """

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
        """What it is run on."""
        return opened_shop(tmp_path_factory.mktemp("shop"))

    _kept: ClassVar[dict[tuple[type, int, str], tuple[dict[str, Any], Mapping[str, Outcomes]]]] = {}

    def report(self, opened: OpenModel, split: str) -> dict[str, Any]:
        """What it says of a split."""
        return self.build().run(opened, split, lambda stage, done, total: None)

    def found(self, opened: OpenModel, split: str) -> tuple[dict[str, Any], Mapping[str, Outcomes]]:
        """What it said of a split and of single items; run once for all tests that only look."""
        key = (type(self), id(opened), split)
        if key not in self._kept:
            evaluation = self.build()
            report = evaluation.run(opened, split, lambda stage, done, total: None)
            self._kept[key] = report, evaluation.outcomes()
        return self._kept[key]

    def test_it_reports_on_each_of_its_splits(self, opened: OpenModel) -> None:
        """Metrics are numbers by name; JSON can hold all of it."""
        assert self.build().splits
        for split in self.build().splits:
            report, _ = self.found(opened, split)
            assert report["metrics"]
            assert all(isinstance(name, str) for name in report["metrics"])
            assert isinstance(report.get("per_property", {}), dict)
            json.dumps(report)

    def test_its_baselines_and_its_verdict_are_those_of_the_contract(
        self, opened: OpenModel
    ) -> None:
        """Figures by name, the verdict as `k3m_kg.api.compare` gives it; both or neither."""
        for split in self.build().splits:
            report, _ = self.found(opened, split)
            assert ("baselines" in report) == ("verdict" in report)
            for figures in report.get("baselines", {}).values():
                assert figures
                assert all(isinstance(name, str) for name in figures)
            if "verdict" in report:
                verdict = Verdict(**report["verdict"])
                assert verdict.split == split
                assert verdict.questions >= verdict.products > 0

    def test_items_make_the_metrics_that_they_are_said_to_make(self, opened: OpenModel) -> None:
        """The main measure is a metric; each item is one, of some unit, and asked once."""
        for split in self.build().splits:
            report, outcomes = self.found(opened, split)
            metrics, measure = report["metrics"], self.build().measure
            assert not measure or isinstance(metrics[measure], float)
            for name, items in outcomes.items():
                assert items.figure() == pytest.approx(metrics[name], abs=1e-6, nan_ok=True)
                assert len(items.items) == len(items.units) == len(set(items.items.tolist()))

    def test_it_says_the_same_twice(self, opened: OpenModel) -> None:
        """Whatever is random has a seed."""
        split = self.build().splits[-1]
        assert str(self.report(opened, split)) == str(self.found(opened, split)[0])

    def test_items_stand_alone_where_it_says_so(self, opened: OpenModel) -> None:
        """With half of the products corrupted, each item is as with none or with all of them."""
        evaluation = self.build()
        if not evaluation.each_alone:
            return
        measure = evaluation.measure
        none, some, every = (
            self._of_shares(evaluation, opened, share)[measure] for share in (0.0, 0.5, 1.0)
        )
        rows = opened.snapshot.rows("test")
        harm = Corruption(CORRUPTIONS["MNR"], 0.5)
        met = np.concatenate([*Draws(opened.snapshot, rows, 0).met(harm).values()])
        assert set(some.units.tolist()) <= set(rows.tolist())
        for item in fields(some):
            parts = [getattr(found, item.name) for found in (none, every)]
            expected = np.where(np.isin(some.units, met), parts[1], parts[0])
            np.testing.assert_array_equal(getattr(some, item.name), expected)

    def _of_shares(
        self, evaluation: Evaluation[OpenModel], opened: OpenModel, share: float
    ) -> Mapping[str, Outcomes]:
        view = opened.on(corrupt(opened.snapshot, [Corruption(CORRUPTIONS["MNR"], share)]))
        evaluation.run(view, "test", lambda stage, done, total: None)
        return dict(evaluation.outcomes())

    def test_the_model_is_left_as_it_was(self, opened: OpenModel) -> None:
        """Its weights, its mode and what its batches hold."""
        before = {name: tensor.clone() for name, tensor in opened.predictor.state_dict().items()}
        held, training = opened.batcher.with_holdout, opened.predictor.training
        self.report(opened, self.build().splits[-1])
        after = opened.predictor.state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
        assert (opened.batcher.with_holdout, opened.predictor.training) == (held, training)

    def test_progress_goes_forward(self, opened: OpenModel) -> None:
        """Within a stage, and never past its total."""
        told: dict[str, int] = {}

        def progress(stage: str, done: int, total: int | None) -> None:
            assert done >= told.get(stage, 0)
            assert total is None or done <= total
            told[stage] = done

        self.build().run(opened, self.build().splits[-1], progress)

    def test_the_report_is_text_for_people_too(self, opened: OpenModel) -> None:
        """With what the framework adds to it."""
        evaluation, split = self.build(), self.build().splits[-1]
        added = {"task": "it", "split": split, "per_property": {}, "sees": ["title"]}
        lines = list(evaluation.lines(added | self.found(opened, split)[0]))
        assert lines
        assert all(isinstance(line, str) for line in lines)
