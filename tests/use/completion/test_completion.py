from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.contracts import ProductBatch
from k3m_kg.errors import K3MError, UsageError
from k3m_kg.use.completion.completable import left_out
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.completion.proposing import (
    CompletionSettings,
    complete,
    everything_applies,
    fillable,
    property_share,
)
from k3m_kg.use.completion.ruled_out import RuledOut
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import shop_snapshot
from tests.lpm.tiny_links import Tattler, TriplesOnly, told_by_title


def proposals(
    opened: OpenModel, rows: object = None, predictor: object = None, **options: object
) -> list[Proposal]:
    rows = np.arange(len(opened.snapshot)) if rows is None else np.array(rows)
    batch_size, applies = options.pop("batch_size", 7), options.pop("what_applies", None)
    options.setdefault("every_property", True)
    return list(
        complete(
            predictor or opened.predictor,
            opened.batcher,
            rows,
            CompletionSettings(**options),
            applies=applies or everything_applies,
            batch_size=batch_size,
        )
    )


def known(opened: OpenModel, row: int) -> dict[str, set[str]]:
    product = opened.snapshot.product(row)
    found: dict[str, set[str]] = {}
    for name, value in product.properties:
        found.setdefault(name, set()).add(value)
    return found


def test_exactly_the_missing_properties_are_proposed(opened: OpenModel) -> None:
    found = {(item.product, item.property) for item in proposals(opened)}
    expected = {
        (opened.snapshot.ids[row], name)
        for row in range(len(opened.snapshot))
        for name in set(opened.snapshot.properties) - set(known(opened, row))
    }
    assert found == expected
    assert ("p010", "kind") in found  # the product without triples


def test_with_all_properties_every_one_is_asked_of_every_product(opened: OpenModel) -> None:
    found = {(item.product, item.property) for item in proposals(opened, known_too=True)}
    assert len(found) == len(opened.snapshot) * len(opened.snapshot.properties)


def test_what_a_product_has_is_hidden_when_it_is_asked_all_the_same(opened: OpenModel) -> None:
    """A model that repeats what it sees knows nothing of a property that is asked."""
    found = proposals(opened, predictor=TriplesOnly(), known_too=True, top_k=99)
    assert {item.score for item in found} == {0.0}


def test_probabilities_are_the_softmax_over_all_values_of_the_property(opened: OpenModel) -> None:
    whole = proposals(opened, rows=[10], top_k=99)
    sizes = dict(
        zip(
            opened.batcher.catalog.properties,
            map(len, opened.batcher.catalog.candidates),
            strict=True,
        )
    )
    for name, size in sizes.items():
        mine = [item for item in whole if item.property == name]
        assert len(mine) == size
        expected = torch.tensor([item.score for item in mine]).softmax(0).tolist()
        assert [item.probability for item in mine] == pytest.approx(expected, abs=1e-5)
        scores = [item.score for item in mine]
        assert scores == sorted(scores, reverse=True)
    best = proposals(opened, rows=[10], top_k=1)
    assert best == [
        next(item for item in whole if item.property == name)
        for name in dict.fromkeys(item.property for item in whole)
    ]


def test_products_come_in_the_order_asked_whatever_the_batch_size(opened: OpenModel) -> None:
    rows = [10, 3, 25, 10]
    one = proposals(opened, rows=rows, known_too=True, batch_size=1)
    many = proposals(opened, rows=rows, known_too=True, batch_size=100)
    order = list(dict.fromkeys(item.product for item in one))
    assert order == [opened.snapshot.ids[row] for row in (10, 3, 25)]
    assert [i.product for i in one] == [i.product for i in many]
    assert [i.probability for i in one] == pytest.approx([i.probability for i in many], abs=1e-4)


def test_a_visible_value_is_proposed_by_a_model_that_reads_titles(opened: OpenModel) -> None:
    class Reader(Tattler):
        def heads(self, batch: ProductBatch) -> torch.Tensor:
            said = torch.zeros(batch.size, len(batch.catalog.values))
            told = told_by_title(batch)
            said[batch.triple_product_E[told], batch.triple_value_E[told]] = 1
            return said

    row = next(
        row
        for row in range(len(opened.snapshot))
        if opened.snapshot.product(row).title and len(known(opened, row).get("kind", ())) == 1
    )
    best = proposals(opened, [row], Reader(), known_too=True, properties=("kind",), top_k=1)
    assert {best[0].value} == known(opened, row)["kind"]


def test_rare_properties_are_left_out_unless_named(opened: OpenModel, tmp_path: Path) -> None:
    def rarely(product):
        return replace(
            product,
            triples=tuple(t for t in product.triples if t[0] != "price" or product.id < "p003"),
        )

    snapshot = shop_snapshot(tmp_path, change=rarely, holdout=0)
    share = property_share(snapshot)
    assert share["price"] == pytest.approx(3 / 60)
    assert share["kind"] == pytest.approx(59 / 60)
    batcher = OpenModel.of(opened.trained, snapshot).batcher
    names = batcher.catalog.properties

    def filled(**options: object) -> list[str]:
        return [names[name] for name in fillable(batcher, CompletionSettings(**options))]

    assert "price" in filled(min_share=0.05, every_property=True)
    assert "price" not in filled(min_share=0.06, every_property=True)
    assert filled(properties=("price",), min_share=0.5) == ["price"]


def test_what_cannot_be_completed_is_left_out_unless_it_is_named_or_all_is_asked(
    opened: OpenModel,
) -> None:
    catalog = opened.batcher.catalog
    poor = {catalog.properties[name]: why.reason for name, why in left_out(catalog).items()}
    assert poor

    def filled(**options: object) -> set[str]:
        names = fillable(opened.batcher, CompletionSettings(**options))
        return {catalog.properties[name] for name in names}

    assert filled() == set(catalog.properties) - set(poor)
    assert filled(every_property=True) == set(catalog.properties)
    for name in poor:
        assert filled(properties=(name,)) == {name}


def test_only_products_that_a_property_applies_to_are_asked(opened: OpenModel) -> None:
    """What applies less probably than is wanted is not asked, and the rest is as probable."""

    def half(rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
        return np.where((np.array(rows) % 2)[:, None], 0.8, 0.3) * np.ones((1, len(names)))

    whole = proposals(opened, known_too=True, top_k=1)
    found = proposals(opened, known_too=True, top_k=1, what_applies=half)
    odd = [item for item in whole if opened.snapshot.row_of([item.product])[0] % 2]
    assert [(i.product, i.property, i.value) for i in found] == [
        (i.product, i.property, i.value) for i in odd
    ]
    assert {item.applies for item in found} == {0.8}
    assert [i.probability for i in found] == pytest.approx(
        [0.8 * i.probability for i in odd], abs=1e-5
    )
    every = proposals(opened, known_too=True, top_k=1, what_applies=half, applies=0.0)
    assert len(every) == len(whole)
    assert proposals(opened, what_applies=half, applies=0.9) == []


def test_shares_are_the_same_however_many_triples_are_read_at_once(
    opened: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = property_share(opened.snapshot)
    monkeypatch.setattr("k3m_kg.use.completion.proposing._TRIPLES_AT_ONCE", 5)
    assert property_share(opened.snapshot) == whole


def test_products_and_terms_new_to_the_model_are_completed(
    opened: OpenModel, tmp_path: Path
) -> None:
    def newer(product):
        triples = (*product.triples, ("season", "winter"))
        return replace(product, id=f"new-{product.id}", triples=triples[1:])

    snapshot = shop_snapshot(tmp_path, count=20, change=newer)
    fresh = OpenModel.of(opened.trained, snapshot)
    found = proposals(fresh, properties=("itemColour",), top_k=1)
    assert {item.product for item in found} <= {snapshot.ids[row] for row in range(20)}
    assert len(found) > 10
    with pytest.raises(UsageError, match="unknown property 'season'"):
        proposals(fresh, properties=("season",))


def test_nan_scores_are_an_error(opened: OpenModel) -> None:
    class Broken(TriplesOnly):
        def heads(self, batch: ProductBatch) -> torch.Tensor:
            return super().heads(batch) * torch.nan

    with pytest.raises(K3MError, match="NaN"):
        proposals(opened, predictor=Broken(), known_too=True)


def test_what_people_rejected_is_as_if_it_were_no_value(opened: OpenModel) -> None:
    before = proposals(opened, top_k=99)
    several = Counter((item.product, item.property) for item in before)
    first = next(item for item in before if several[item.product, item.property] > 1)
    question = (first.product, first.property)
    values = [item for item in before if (item.product, item.property) == question]
    ruled_out = RuledOut({question: {first.value, "a value that nobody has"}})
    after = proposals(opened, top_k=99, ruled_out=ruled_out)
    left = [item for item in after if (item.product, item.property) == question]
    assert [item.value for item in left] == [item.value for item in values[1:]]
    assert sum(item.probability for item in left) == pytest.approx(first.applies)
    others = [item for item in before if (item.product, item.property) != question]
    assert [item for item in after if (item.product, item.property) != question] == others
    everything = RuledOut({question: {item.value for item in values}})
    found = proposals(opened, top_k=99, ruled_out=everything)
    assert found == others
