from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.contracts import ProductBatch
from k3m_kg.use.completion.explanation import Explainer
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.tables import write_table
from tests.lpm.tiny_links import Tattler, TriplesOnly, told_by_title


def explained(opened: OpenModel, rows: list[int], predictor=None, **options) -> list[Proposal]:
    model = predictor or opened.predictor
    settings = CompletionSettings(top_k=2, known_too=True)
    found = complete(model, opened.batcher, np.array(rows), settings)
    return list(Explainer(model, opened.batcher, **options)(found))


def test_the_one_word_that_a_model_reads_is_all_that_carries_its_proposal(
    opened: OpenModel,
) -> None:
    class Reader(Tattler):
        def heads(self, batch: ProductBatch) -> torch.Tensor:
            said = torch.zeros(batch.size, len(batch.catalog.values))
            told = told_by_title(batch)
            said[batch.triple_product_E[told], batch.triple_value_E[told]] = 9
            return said

    row = int(opened.snapshot.row_of(["p001"])[0])
    (kind,) = (value for name, value in opened.snapshot.product(row).properties if name == "kind")
    best = next(p for p in explained(opened, [row], Reader()) if p.property == "kind")
    assert best.value == kind
    assert best.explanation is not None
    words = kind.split()
    assert {part.text for part in best.explanation.parts} <= set(words)
    assert {part.kind for part in best.explanation.parts} == {"title"}
    assert best.explanation.without["title"] == pytest.approx(1 / 4)
    assert best.explanation.without["image"] == pytest.approx(best.probability)


def test_a_triple_that_a_model_repeats_is_found_and_the_asked_property_stays_hidden(
    opened: OpenModel,
) -> None:
    class Follower(TriplesOnly):
        """Says mug wherever it sees cheap."""

        def heads(self, batch: ProductBatch) -> torch.Tensor:
            seen = super().heads(batch)
            values = batch.catalog.values
            seen[:, values.index("mug")] += 5 * seen[:, values.index("cheap")]
            return seen

    row = next(
        row
        for row in range(len(opened.snapshot))
        if ("price", "cheap") in opened.snapshot.product(row).properties
    )
    best = next(p for p in explained(opened, [row], Follower()) if p.property == "kind")
    assert best.value == "mug"
    assert best.explanation is not None
    assert [(p.kind, p.text) for p in best.explanation.parts] == [("triple", "price: cheap")]
    assert best.explanation.parts[0].drop == pytest.approx(best.probability - 1 / 4)


@pytest.mark.parametrize("knowledge", ["term", "product"])
def test_batch_size_and_company_change_no_explanation(
    opened_by: Callable[[str], OpenModel], knowledge: str
) -> None:
    opened = opened_by(knowledge)
    many = explained(opened, [1, 10, 2], top=99)
    few = explained(opened, [1], top=99, batch_size=3)
    assert [p.value for p in few] == [p.value for p in many[: len(few)]]
    for one, other in zip(few, many, strict=False):
        assert one.explanation is not None
        assert other.explanation is not None
        drops = {(p.kind, p.text, p.box): p.drop for p in one.explanation.parts if p.drop > 1e-4}
        others = {(p.kind, p.text, p.box): p.drop for p in other.explanation.parts}
        for key, drop in drops.items():
            assert others[key] == pytest.approx(drop, abs=1e-4)


def test_what_a_product_does_not_have_is_no_part_of_it(opened: OpenModel) -> None:
    for item in explained(opened, opened.snapshot.row_of(["p000", "p003", "p010"]).tolist()):
        assert item.explanation is not None
        kinds = set(item.explanation.without)
        assert ("image" in kinds) is (item.product not in {"p000"})
        assert ("title" in kinds) is (item.product != "p003")
        assert ("triples" in kinds) is (item.product != "p010")


def test_regions_have_boxes_and_the_largest_drops_come_first(opened: OpenModel) -> None:
    parts = [
        p.explanation.parts for p in explained(opened, [1], top=99) if p.explanation is not None
    ]
    regions = [part for found in parts for part in found if part.kind == "image"]
    assert regions
    assert all(part.box is not None and part.box[0] < part.box[2] <= 1 for part in regions)
    for found in parts:
        drops = [part.drop for part in found]
        assert drops == sorted(drops, reverse=True)
        assert all(drop > 0 for drop in drops)


def test_explanations_are_written_with_the_proposals(opened: OpenModel, tmp_path: Path) -> None:
    found = explained(opened, [1])
    write_table(tmp_path / "o.csv", found, explained=True)
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    write_table(tmp_path / "o.jsonl", found, explained=True)
    lines = (tmp_path / "o.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(row["explanation"]) for row in rows] == [
        json.loads(line)["explanation"] for line in lines
    ]
    assert write_table(tmp_path / "o.parquet", found, explained=True) == len(found)
