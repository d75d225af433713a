"""Planted mistakes, and models that know just enough to find them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.contracts import LinkPredictor, ProductBatch
from k3m_kg.use.audit import Audit, Auditor
from k3m_kg.use.completion.ruled_out import RuledOut
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import shop_snapshot
from tests.lpm.tiny_links import Tattler, TitleOnly, TriplesOnly

COLOURS = ("red", "green", "blue")
WRONG = "p016"  # has a title, a picture, one colour and all other triples


class Follower(TriplesOnly):
    """Knows of mugs and lamps that they are cheap, of the rest that they are dear."""

    def heads(self, batch: ProductBatch) -> torch.Tensor:
        seen = super().heads(batch)
        value = batch.catalog.values.index
        for kind in ("mug", "lamp", "shirt", "old shoe"):
            price = "cheap" if kind in ("mug", "lamp") else "dear"
            seen[:, value(price)] += 9 * seen[:, value(kind)]
        return seen


class Eye(Tattler):
    """Sees the colour of a picture, and nothing else."""

    def heads(self, batch: ProductBatch) -> torch.Tensor:
        said = torch.zeros(batch.size, len(batch.catalog.values))
        image = batch.modalities["image"]
        if len(image.product_I):
            best = image.arrays["pixels"].float().flatten(2).mean(2).argmax(1)
            values = torch.tensor([batch.catalog.values.index(name) for name in COLOURS])
            said[image.product_I, values[best]] = 9.0
        return said


def catalog(opened: OpenModel, folder: Path, change=lambda product: product) -> OpenModel:
    snapshot = shop_snapshot(folder, change=change, holdout=0.1)
    return OpenModel.of(opened.trained, snapshot)


def audit(
    opened: OpenModel, predictor: LinkPredictor, kind: str, top: int = 99, **options
) -> Audit:
    rows = np.arange(len(opened.snapshot))
    return Auditor(predictor, opened.batcher, **options).audit(kind, rows, top)


def test_a_wrong_value_comes_first(opened: OpenModel, tmp_path: Path) -> None:
    def change(product):
        turned = {"cheap": "dear", "dear": "cheap"}
        triples = tuple((n, turned[v] if n == "price" else v) for n, v in product.triples)
        return replace(product, triples=triples) if product.id == WRONG else product

    wrong = catalog(opened, tmp_path, change)
    found = audit(wrong, Follower(), "values").findings
    first, second = found[0], found[1]
    assert (first.kind, first.product, first.property) == ("value", WRONG, "price")
    assert {first.stated, first.better} == {"cheap", "dear"}
    assert first.suspicion == pytest.approx(9, abs=0.1)
    assert first.better_probability == pytest.approx(1 - first.probability)
    assert second.suspicion < 1


def test_what_people_confirmed_is_not_doubted_again(opened: OpenModel) -> None:
    before = audit(opened, Follower(), "values", top=9999)
    first = before.findings[0]
    ruled_out = RuledOut(confirmed={(first.product, first.property): {first.stated}})
    after = audit(opened, Follower(), "values", top=9999, ruled_out=ruled_out)
    assert after.findings == before.findings[1:]
    assert (after.judged, after.skipped) == (before.judged - 1, before.skipped + 1)


def test_every_triple_is_judged_or_said_not_to_be(opened: OpenModel) -> None:
    found = audit(opened, TriplesOnly(), "values")
    triples = len(opened.snapshot.triple_value)
    assert found.judged + found.skipped == triples
    fits = sum(
        name == "fits"
        for row in range(len(opened.snapshot))
        for name, _ in opened.snapshot.product(row).properties
    )
    assert found.skipped >= fits  # a property with one value has no other
    assert {item.suspicion for item in found.findings} == {0.0}  # the asked triple is hidden


def test_another_true_value_is_never_the_better_one(opened: OpenModel) -> None:
    found = audit(opened, opened.predictor, "values", top=999)
    for item in found.findings:
        row = int(opened.snapshot.row_of([item.product])[0])
        pairs = opened.snapshot.product(row).properties
        assert (item.property, item.stated) in pairs
        assert (item.property, item.better) not in pairs


def test_a_title_of_another_product_comes_first(opened: OpenModel, tmp_path: Path) -> None:
    title = "nice purple wardrobe no 7"
    wrong = catalog(opened, tmp_path, lambda p: replace(p, title=title) if p.id == WRONG else p)
    found = audit(wrong, TitleOnly(), "titles")
    assert (found.findings[0].product, found.findings[0].content) == (WRONG, title)
    assert found.findings[0].suspicion > 0 > found.findings[1].suspicion
    titles = wrong.snapshot.titles.to_pylist()
    assert found.judged + found.skipped == sum(bool(text) for text in titles)


def test_a_picture_of_another_product_comes_first(opened: OpenModel, tmp_path: Path) -> None:
    other = {"red": "green", "green": "blue", "blue": "red"}

    def change(product):
        if product.id != WRONG:
            return product
        triples = tuple((n, other.get(v, v)) for n, v in product.triples)
        return replace(product, triples=triples)

    wrong = catalog(opened, tmp_path, change)
    found = audit(wrong, Eye(), "images")
    first = found.findings[0]
    row = int(wrong.snapshot.row_of([WRONG])[0])
    assert (first.kind, first.product, first.property) == ("image", WRONG, "itemColour")
    assert first.content == wrong.snapshot.product(row).images[0]
    assert f"nice {first.better}" in (wrong.snapshot.product(row).title or "")
    assert found.judged + found.skipped == int((np.diff(wrong.snapshot.image_offsets) > 0).sum())


@pytest.mark.parametrize("kind", ["values", "titles", "images"])
def test_blocks_and_batches_change_nothing(
    opened: OpenModel, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(found: Audit) -> dict[tuple[str, str, str], float]:
        return {(f.product, f.property, f.stated): round(f.suspicion, 3) for f in found.findings}

    whole = audit(opened, opened.predictor, kind, top=999)
    monkeypatch.setattr("k3m_kg.use.audit._PRODUCTS_AT_ONCE", 7)
    parts = audit(opened, opened.predictor, kind, top=999, batch_size=5)
    assert seen(parts) == pytest.approx(seen(whole), abs=2e-3)
    assert (parts.judged, parts.skipped) == (whole.judged, whole.skipped)
    few = audit(opened, opened.predictor, kind, top=3)
    assert [f.product for f in few.findings] == [f.product for f in parts.findings[:3]]
    order = [f.suspicion for f in parts.findings]
    assert order == sorted(order, reverse=True)


def test_the_model_is_put_back_and_held_out_triples_stay_held_out(opened: OpenModel) -> None:
    audit(opened, opened.predictor, "values", top=1)
    assert opened.batcher.with_holdout is False
