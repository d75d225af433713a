"""Searching one part of a product by another, and products by a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from k3m_kg.contracts import ProductBatch
from k3m_kg.corruption import corrupt, corruption_of
from k3m_kg.errors import UsageError
from k3m_kg.use.open_model import OpenModel
from k3m_kg_evaluations.maps import fit_maps, mapped, mean_rank, same_of
from tests.lpm.tiny_links import TitleOnly, TriplesOnly

Run = Callable[..., tuple[dict[str, Any], Any]]
SIDES = ("title-to-picture", "picture-to-title")


class Named(TriplesOnly):
    """Knows each product by whichever part of it is shown; and nothing if none is."""

    def heads(self, batch: ProductBatch) -> Tensor:
        random = torch.Generator().manual_seed(0)
        table = torch.randn(4096, 32, generator=random)
        shown = [tokens.shown_B for tokens in batch.modalities.values()]
        there_B = torch.stack(shown).any(0) if shown else torch.zeros(batch.size, dtype=torch.bool)
        return table[batch.rows_B] * there_B[:, None]


def with_predictor(opened: OpenModel, predictor: Any) -> OpenModel:
    return replace(opened, predictor=predictor)


@pytest.mark.parametrize("mode", ["direct", "probe"])
def test_a_model_that_knows_both_parts_finds_one_by_the_other(
    opened: OpenModel, measured: Run, mode: str
) -> None:
    report, evaluation = measured(
        "retrieval", with_predictor(opened, Named()), directions=SIDES, mode=mode
    )
    found = report["per_direction"]["title-to-picture"]
    if mode == "direct":
        assert found["mrr"] == 1
    assert found["mrr"] > report["baselines"]["chance"]["per_direction"]["title-to-picture"]["mrr"]
    assert report["metrics"]["queries"] == len(evaluation.outcomes()["mrr"]) == 2 * found["queries"]
    assert report["verdict"]["what"] == "retrieval"
    assert {*report["baselines"]["linear"]["per_direction"]} == {*SIDES}


def test_missing_titles_are_asked_all_the_same_and_find_nothing(
    opened: OpenModel, measured: Run
) -> None:
    harmed = opened.on(corrupt(opened.snapshot, [corruption_of("TMR:1")]))
    whole, one = measured(
        "retrieval", with_predictor(opened, Named()), directions=SIDES, mode="direct"
    )
    gone, other = measured(
        "retrieval", with_predictor(harmed, Named()), directions=SIDES, mode="direct"
    )
    assert np.array_equal(one.outcomes()["mrr"].items, other.outcomes()["mrr"].items)
    assert gone["metrics"]["mrr"] < 0.6 < whole["metrics"]["mrr"]


def test_a_value_finds_its_products_unless_it_is_cut_out(opened: OpenModel, measured: Run) -> None:
    asked = {"directions": ["value-to-products"], "properties": ["kind"]}
    reader = with_predictor(opened, TitleOnly())
    kept, _ = measured("retrieval", reader, cut_title=False, **asked)
    cut, _ = measured("retrieval", reader, cut_title=True, **asked)
    assert kept["metrics"]["mrr"] > 0.95
    assert kept["metrics"]["ndcg@10"] > cut["metrics"]["ndcg@10"] + 0.2
    search = "word search"
    assert kept["baselines"][search]["ndcg@10"] > cut["baselines"][search]["ndcg@10"] + 0.2
    assert {*kept["per_property"]} == {"kind"}
    row = kept["per_property"]["kind"]
    assert row["queries"] <= 4 < row["products"]


def test_a_probe_searches_where_a_model_cannot_rank(opened: OpenModel, measured: Run) -> None:
    no_ranks = replace(
        opened, predictor=TriplesOnly(), trained=replace(opened.trained, ranks=False)
    )
    report, _ = measured(
        "retrieval", no_ranks, directions=["value-to-products"], properties=["price"], hide=[]
    )
    # the kind, which it sees, decides the price
    assert report["metrics"]["ndcg@10"] == pytest.approx(1)


def test_fine_tuning_trains_a_copy(opened: OpenModel, measured: Run) -> None:
    before = {name: tensor.clone() for name, tensor in opened.predictor.state_dict().items()}
    report, _ = measured("retrieval", opened, mode="finetune", epochs=1, baselines=False)
    assert report["mode"] == "finetune"
    after = opened.predictor.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_what_a_model_cannot_be_asked_is_left_out_and_said(
    opened: OpenModel, opened_kge: OpenModel, measured: Run
) -> None:
    blind = replace(
        opened,
        trained=replace(opened.trained, modalities={"title": opened.trained.modalities["title"]}),
    )
    report, _ = measured("retrieval", blind, baselines=False)
    assert "the model sees no image" in report["notes"][0]
    assert {*report["per_direction"]} == {"value-to-products"}
    with pytest.raises(UsageError, match="the model sees no image"):
        measured("retrieval", blind, directions=SIDES)
    with pytest.raises(UsageError, match="looks products up"):
        measured("retrieval", opened_kge)


def test_maps_bring_two_spaces_together() -> None:
    random = np.random.default_rng(0)
    hidden = random.normal(size=(300, 4))
    left = hidden @ random.normal(size=(4, 12)) + 5
    right = hidden @ random.normal(size=(4, 7)) - 3
    groups = (np.arange(300), np.arange(300))
    train, check, test = (
        (left[part], right[part], (groups[0][part], groups[1][part]))
        for part in (slice(0, 200), slice(200, 250), slice(250, 300))
    )
    maps = fit_maps(train, check)
    assert mean_rank(*mapped(maps, test[0], test[1]), same_of(test[2])) > 0.5
