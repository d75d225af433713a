"""Searches by text, picture and product."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import ArtifactError, CatalogError, UsageError
from k3m_kg.lpm.questions import Triples, Visibility, heads_of
from k3m_kg.search.asked import AskedProduct, asked_vectors, read_picture
from k3m_kg.search.kept import in_memory
from k3m_kg.search.searching import Searcher
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.partial import Partial


@pytest.fixture(scope="module")
def searcher(opened: OpenModel) -> Searcher:
    return Searcher(opened, in_memory(opened))


@pytest.mark.parametrize("part", ["title", "image"])
def test_what_is_asked_is_a_product_that_shows_nothing_else(opened: OpenModel, part: str) -> None:
    rows = np.array([1, 4, 9])
    snapshot = opened.snapshot
    asked = [
        AskedProduct(snapshot.titles[row].as_py())
        if part == "title"
        else AskedProduct(None, snapshot.image(row))
        for row in rows.tolist()
    ]
    source = Partial.only(opened.batcher, {part})
    (expected,) = heads_of(
        opened.predictor, source, Triples.each(rows), Visibility(cut_title=False), batch_size=9
    )
    np.testing.assert_allclose(asked_vectors(opened, asked), expected.numpy(), atol=1e-4)
    assert opened.batcher.snapshot is snapshot


def test_a_title_finds_its_product_first(searcher: Searcher) -> None:
    titles = searcher.opened.snapshot.titles.to_pylist()
    row = next(row for row, title in enumerate(titles) if titles.count(title) == 1)
    for by in ("words", "both"):
        found = searcher.by_texts([titles[row]], 3, by)[0]  # type: ignore[arg-type]
        assert found[0].product == searcher.opened.snapshot.ids[row]
        assert found[0].by == "words"
    assert len(searcher.by_texts([titles[row]], 3, "model")[0]) == 3
    with pytest.raises(UsageError, match="no word"):
        searcher.by_texts([" - "], 3)


def test_the_model_finds_where_words_do_not(searcher: Searcher) -> None:
    count = len(searcher.opened.snapshot)
    (found,) = searcher.by_texts(["zzzyx"], 4)
    assert [one.by for one in found] == ["model"] * 4
    (found, alone) = searcher.by_texts(["zzzyx", searcher.opened.snapshot.titles[0].as_py()], count)
    assert len({one.product for one in alone}) == len(alone) == count
    assert [one.by for one in alone] == sorted((one.by for one in alone), reverse=True)
    for some in (found, alone):
        assert [one.score for one in some if one.by == "words"] == sorted(
            (one.score for one in some if one.by == "words"), reverse=True
        )


def test_like_is_by_cosine_without_itself(searcher: Searcher) -> None:
    (found,) = searcher.like([6], 4)
    assert len(found) == 4
    assert searcher.opened.snapshot.ids[6] not in [one.product for one in found]


def test_a_picture_is_read_as_a_snapshot_stores_it(searcher: Searcher, tmp_path: Path) -> None:
    snapshot = searcher.opened.snapshot
    snapshot.image(2).save(tmp_path / "p.png")  # type: ignore[union-attr]
    (found,) = searcher.by_pictures([read_picture(tmp_path / "p.png", snapshot)], 5)
    assert len(found) == 5
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(CatalogError, match="not a picture"):
        read_picture(tmp_path / "no.png", snapshot)


def test_a_model_that_looks_products_up_searches_by_words_alone(opened: OpenModel) -> None:
    trained = replace(opened.trained, known_products=frozenset(opened.snapshot.ids))
    searcher = Searcher(replace(opened, trained=trained), in_memory(opened))
    title = opened.snapshot.titles[0].as_py()
    assert searcher.by_texts([title], 2) == searcher.by_texts([title], 2, "words")
    with pytest.raises(ArtifactError, match="looks products up"):
        searcher.by_texts([title], 2, "model")
