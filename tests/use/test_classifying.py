"""Categories of products that lack one, from vectors that random weights give: enough to tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import ArtifactError, UsageError
from k3m_kg.snapshot import CATEGORY
from k3m_kg.snapshot.validation_parts import PROOF, ValidationParts
from k3m_kg.use.calibration.acceptance import Acceptor, thresholds
from k3m_kg.use.classifying import Classifier, vectors_of, without_category
from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import shop_snapshot, trained, trained_kge, untrained


def some_lack_it(product):  # type: ignore[no-untyped-def]
    return replace(product, category=None) if int(product.id[1:]) % 4 == 0 else product


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    folder = tmp_path_factory.mktemp("shop")
    snapshot = shop_snapshot(folder, 240, some_lack_it, holdout=0)
    return open_model(untrained(snapshot, folder / "artifact"), None, device="cpu")


@pytest.fixture(scope="module")
def classifier(shop: OpenModel) -> Classifier:
    return Classifier.fit(shop)


def kind(opened: OpenModel, id_: str) -> str | None:
    """What decides a product's category in this shop, where the product has it."""
    product = opened.snapshot.product(int(opened.snapshot.row_of([id_])[0]))
    return dict(product.properties).get("kind")


def test_products_without_a_category_get_the_likeliest(
    shop: OpenModel, classifier: Classifier
) -> None:
    rows = without_category(shop.snapshot, shop.rows())
    lacking = {shop.snapshot.ids[row] for row in rows.tolist()}
    assert lacking == {
        id_
        for id_, text in zip(shop.snapshot.ids, shop.snapshot.categories.to_pylist(), strict=True)
        if text is None
    }
    found = list(classifier.classify(shop, rows, top_k=len(classifier.names)))
    assert len(found) == len(rows) * len(classifier.names)
    by_product: dict[str, list] = {}
    for item in found:
        assert item.property == CATEGORY
        by_product.setdefault(item.product, []).append(item)
    assert by_product.keys() == lacking
    for items in by_product.values():
        shares = [item.probability for item in items]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        assert {item.value for item in items} == set(classifier.names)
    asked = [(items[0].value, kind(shop, id_)) for id_, items in by_product.items()]
    asked = [(value, true) for value, true in asked if true is not None]
    right = np.mean([value == true for value, true in asked])
    majority = max(np.mean([true == name for _, true in asked]) for name in classifier.names)
    assert right > majority + 0.2


def test_precision_is_proved_on_products_that_nothing_was_fitted_to(
    shop: OpenModel, classifier: Classifier
) -> None:
    snapshot, calibration = shop.snapshot, classifier.calibration
    validation = snapshot.rows("validation")
    labelled = validation[snapshot.categories.take(validation).is_valid().to_numpy()]
    fold = ValidationParts.of(snapshot, labelled).fold(labelled)
    assert calibration.proof.products == (fold == PROOF).sum() > 5
    assert calibration.fitting.products == (fold != PROOF).sum() > 5
    assert len(calibration.properties[CATEGORY].right) == calibration.proof.products
    rows = without_category(snapshot, shop.rows())
    impossible = Acceptor(thresholds(calibration, 0.999))
    assert not list(impossible(classifier.classify(shop, rows, top_k=1)))
    assert impossible.report()[CATEGORY]["threshold"] is None
    modest = Acceptor(thresholds(calibration, 0.2))
    accepted = list(modest(classifier.classify(shop, rows, top_k=1)))
    assert 0 < len(accepted) <= len(rows)


def test_it_says_what_is_left_without_a_part_that_the_product_has(
    shop: OpenModel, classifier: Classifier
) -> None:
    snapshot = shop.snapshot
    rows = without_category(snapshot, shop.rows())[:20]
    for item in classifier.classify(shop, rows, top_k=1, explain=True):
        assert item.explanation is not None
        product = snapshot.product(int(snapshot.row_of([item.product])[0]))
        there = {"title": product.title, "image": product.images, "triples": product.properties}
        assert set(item.explanation.without) == {name for name, part in there.items() if part}
        assert all(0 <= left <= 1 for left in item.explanation.without.values())


def test_a_later_snapshot_is_classified_by_what_the_first_one_taught(
    shop: OpenModel, classifier: Classifier, tmp_path: Path
) -> None:
    later = shop_snapshot(tmp_path, 8, lambda product: replace(product, category=None), holdout=0)
    opened = OpenModel.of(shop.trained, later)
    found = Classifier.fit(opened)
    assert (found.names, found.examples) == (classifier.names, classifier.examples)
    assert np.array_equal(found.probe.weights_KH, classifier.probe.weights_KH)
    assert len(list(found.classify(opened, opened.rows(), top_k=1))) == 8
    gone = replace(shop.trained, snapshot=tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="no longer there"):
        Classifier.fit(OpenModel.of(gone, later))


def test_a_triple_that_says_the_category_is_hidden_from_whoever_tells_it(tmp_path: Path) -> None:
    """The same products with and without that triple are told apart alike."""

    def stated(product):  # type: ignore[no-untyped-def]
        pairs = ((CATEGORY, product.category),) if product.category else ()
        return replace(product, category=None, triples=(*product.triples, *pairs))

    def unstated(product):  # type: ignore[no-untyped-def]
        return replace(product, category=None)

    snapshot = shop_snapshot(tmp_path / "with", 60, stated, holdout=0)
    artifact = untrained(snapshot, tmp_path / "artifact")
    seen = open_model(artifact, snapshot.path, device="cpu")
    bare = shop_snapshot(tmp_path / "without", 60, unstated, holdout=0)
    unseen = OpenModel.of(seen.trained, bare)
    assert len(bare) == len(snapshot)
    assert len(bare.triple_value) < len(snapshot.triple_value)
    rows = np.arange(len(snapshot))
    found = [vectors_of(model, model.batcher, rows) for model in (seen, unseen)]
    np.testing.assert_allclose(*found, atol=1e-4)


def test_what_cannot_be_learned_is_said(tmp_path: Path) -> None:
    kge = open_model(trained_kge(), trained().parent / "snapshots", device="cpu")
    with pytest.raises(UsageError, match="looks products up"):
        Classifier.fit(kge)
    bare = shop_snapshot(tmp_path, 40, lambda product: replace(product, category=None))
    opened = open_model(untrained(bare, tmp_path / "artifact"), None, device="cpu")
    with pytest.raises(UsageError, match="have 0 categories"):
        Classifier.fit(opened)
