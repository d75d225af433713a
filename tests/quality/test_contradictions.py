"""Where sources contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.quality.contradictions import Contradiction, find_contradictions
from k3m_kg.quality.examination import examine
from k3m_kg.quality.page import quality_page
from k3m_kg.records import ProductRecord


@pytest.fixture
def store(tmp_path: Path) -> GraphStore:
    return GraphStore.create(f"sqlite:///{tmp_path}/graph.db")[0]


def state(store: GraphStore, source: str, *records: ProductRecord) -> None:
    with store.writing() as writer:
        session = writer.session(SourceVersion(source, "test", "0"), lambda images: [])
        session.write([Statement(record) for record in records])
        session.finish(0)


def product(id_: str, *pairs: tuple[str, str], title: str | None = None) -> ProductRecord:
    return ProductRecord(id_, title, "mugs", (), pairs)


def test_two_values_of_what_has_one_are_a_contradiction(store: GraphStore) -> None:
    tags = (("tag", "new"), ("tag", "blue"))
    state(
        store,
        "a",
        product("1", ("colour", "red"), *tags, title="Mug"),
        product("2", ("colour", "red"), ("size", "4"), ("tag", "old"), title="Cup"),
        product("3", ("colour", "red")),
    )
    state(
        store,
        "b",
        product("1", ("colour", "blue"), ("tag", "old"), title="Mug"),
        product("2", ("colour", "red"), ("tag", "new"), title="A cup"),
        product("4", ("colour", "blue")),
    )
    found = find_contradictions(store)
    assert (found.products, found.by_property) == (2, {"(title)": 1, "colour": 1})
    assert found.listed == [
        Contradiction("1", "property", "colour", (("a", "red"), ("b", "blue"))),
        Contradiction("2", "title", None, (("a", "Cup"), ("b", "A cup"))),
    ]
    assert find_contradictions(store, limit=1).listed == found.listed[:1]
    quality = examine(store)
    assert quality.contradictions.products == 2
    page = quality_page("here", store.status(), quality)
    assert "2 products of which two sources say two things" in page
    with store.writing() as writer:
        writer.order(["b"])
    assert find_contradictions(store).listed[0].values == (("b", "blue"), ("a", "red"))


def test_one_source_never_contradicts_itself(store: GraphStore) -> None:
    state(store, "a", product("1", ("colour", "red"), ("colour", "blue"), title="Mug"))
    assert find_contradictions(store).products == 0
    assert find_contradictions(store).listed == []


def test_links_have_values_too(store: GraphStore) -> None:
    for source, parent in (("a", "x"), ("b", "y")):
        linked = ProductRecord("1", None, None, (), (), 0, (("variant of", parent),))
        state(store, source, linked)
    (found,) = find_contradictions(store).listed
    assert (found.property, found.values) == ("variant of", (("a", "x"), ("b", "y")))
