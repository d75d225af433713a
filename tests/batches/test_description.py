"""A description is read like a title, and is as absent as the triple that it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from k3m_kg.batches.batcher import Batcher, build_catalog
from k3m_kg.batches.description import DescriptionModality
from k3m_kg.batches.title import TitleData
from k3m_kg.contracts import ModalityContext
from k3m_kg.lpm.questions import WHOLE_PROPERTY, Triples, Visibility, ask
from k3m_kg.snapshot import Snapshot
from k3m_kg.testing.tasks import unfitted
from tests.spans.brands import brands_snapshot


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return brands_snapshot(tmp_path_factory.mktemp("brands"))


@pytest.fixture(scope="module")
def context(snapshot: Snapshot) -> ModalityContext:
    return unfitted(snapshot)


@pytest.fixture(scope="module")
def batcher(snapshot: Snapshot, context: ModalityContext) -> Batcher:
    modality = DescriptionModality(context.text_encoder, 64)
    opened = {"description": modality.open(snapshot)}
    assert modality.properties == ("about",), "the one property with texts"
    catalog = build_catalog(snapshot, context.text_encoder, context.sizes)
    return Batcher(snapshot, opened, context.sizes, catalog)


def shown(batcher: Batcher, name: str, *, cut: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(B, N) the tokens that a question about a property sees, and all that there are."""
    snapshot = batcher.snapshot
    rows = snapshot.rows("test")[:12]
    number = batcher.catalog.properties.index(name)
    questions = Triples(rows, np.full(len(rows), number), np.full(len(rows), WHOLE_PROPERTY))
    asked = ask(batcher, questions, Visibility(cut_title=cut)).modalities["description"]
    every = batcher.batch(rows).modalities["description"]
    return asked.shown_BN.numpy(), every.shown_BN.numpy()


def test_asked_about_the_text_itself_none_of_it_is_there(batcher: Batcher) -> None:
    seen, every = shown(batcher, "about")
    assert every.any(1).all()
    assert not seen.any()
    assert not shown(batcher, "about", cut=False)[0].any()


def test_asked_about_another_property_only_its_words_are_cut(batcher: Batcher) -> None:
    seen, every = shown(batcher, "size")
    gone = every & ~seen
    assert gone.any(1).all()
    data = batcher.modalities["description"]
    for place, row in enumerate(batcher.snapshot.rows("test")[:12].tolist()):
        words = {name for name, places in data.named(row) or () if gone[place, list(places)].any()}
        size = dict(batcher.snapshot.product(row).properties)["size"]
        assert words == set(size.split())
    np.testing.assert_array_equal(*shown(batcher, "price"))
    np.testing.assert_array_equal(*shown(batcher, "size", cut=False))


def test_a_held_out_text_is_not_there(batcher: Batcher) -> None:
    snapshot = batcher.snapshot
    number = snapshot.properties.index("about")
    held = (snapshot.triple_property == number) & (snapshot.triple_holdout != 0)
    rows = snapshot.triple_product[held]
    assert len(rows)
    assert not batcher.batch(rows).modalities["description"].shown_BN.any()


def test_what_training_chose_is_read_on_any_snapshot(
    snapshot: Snapshot, context: ModalityContext, tmp_path: Path
) -> None:
    trained = DescriptionModality(context.text_encoder, 64, ("size", "about"))
    trained.save_assets(tmp_path)
    again = DescriptionModality(context.text_encoder, 64)
    again.load_assets(tmp_path)
    data = again.open(snapshot)
    assert isinstance(data, TitleData)
    row = int(snapshot.rows("test")[0])
    assert data.content(row) == dict(snapshot.product(row).properties)["size"]


def test_a_catalog_without_texts_has_no_descriptions(
    snapshot: Snapshot, context: ModalityContext
) -> None:
    data = DescriptionModality(context.text_encoder, 64, ("no such property",)).open(snapshot)
    assert not data.has(np.arange(len(snapshot))).any()
    assert not data.batch(np.arange(4)).shown_B.any()
