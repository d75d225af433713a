"""Values that stand in a product's texts are found there, known or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from k3m_kg.snapshot import Snapshot
from k3m_kg.spans.finding import value_key
from k3m_kg.spans.scoring import SpanScorer, TextAnswers
from k3m_kg.spans.texts import long_texts, texts_of


def ranked(found: TextAnswers) -> list[str]:
    return [found.texts[place] for place in np.argsort(-found.probability()[0])]


def test_only_what_stands_in_texts_is_open(brands: Snapshot, scorer: SpanScorer) -> None:
    assert list(long_texts(brands)) == ["about"]
    assert scorer.names == ["brand", "size"], "a price stands nowhere; a text is no value"


def test_values_that_training_never_saw_are_found(brands: Snapshot, scorer: SpanScorer) -> None:
    candidates, _ = brands.candidates()
    known = {
        brands.value_text(value) for value in candidates[brands.properties.index("brand")].tolist()
    }
    right, asked = 0, 0
    for row in brands.rows("test").tolist():
        product = brands.product(row)
        true = dict(product.properties)["brand"]
        if true in known:
            continue
        found = scorer.about(scorer.read(product), "brand")
        assert not found.known_T[found.texts.index(true)]
        asked += 1
        right += ranked(found)[0] == true
    assert asked >= 8
    assert right >= 0.8 * asked


def test_the_span_says_where_it_stands(brands: Snapshot, scorer: SpanScorer) -> None:
    product = brands.product(int(brands.rows("test")[0]))
    found = scorer.about(scorer.read(product), "size")
    best = int(np.argmax(found.probability()[0]))
    span, true = found.spans[best], dict(product.properties)["size"]
    assert value_key(span.text) == value_key(true)
    assert span.source.name == "about"
    assert span.source.text[span.start : span.end] == span.text


def test_probabilities_and_none_of_them_make_one(brands: Snapshot, scorer: SpanScorer) -> None:
    found = scorer.about(scorer.read(brands.product(int(brands.rows("test")[0]))), "brand")
    for temperature, bias in ((1.0, 0.0), (3.0, 2.0)):
        share_T, none = replace(found, temperature=temperature, bias=bias).probability()
        assert share_T.sum() + none == pytest.approx(1)
    assert replace(found, bias=2.0).probability()[1] > found.probability()[1]


def test_no_text_no_value(brands: Snapshot, scorer: SpanScorer) -> None:
    product = brands.product(int(brands.rows("test")[0]))
    bare = type(product)(
        product.row, product.id, None, None, "test", (), (("brand", "Ba"),), (0,), (), ()
    )
    found = scorer.about(scorer.read(bare), "brand")
    assert found.texts == [], "what is asked is no text that it could stand in"
    assert found.probability()[1] == 1


def test_what_is_held_out_is_no_text(brands: Snapshot) -> None:
    hidden = np.flatnonzero(brands.triple_holdout)
    assert len(hidden)
    for place in hidden[:20].tolist():
        product = brands.product(int(brands.triple_product[place]))
        held = {
            name
            for (name, _), mark in zip(product.properties, product.holdout, strict=True)
            if mark
        }
        names = {text.name for text in texts_of(product, long_texts(brands), values=True)}
        assert not held & names


def test_the_same_products_give_the_same_weights(brands: Snapshot, scorer: SpanScorer) -> None:
    again = SpanScorer.fit(brands)
    np.testing.assert_array_equal(again.weights, scorer.weights)


def test_a_catalog_without_open_properties(brands: Snapshot) -> None:
    nothing = SpanScorer.fit(brands, np.empty(0, np.int64))
    assert nothing.names == []
    assert not nothing.known
