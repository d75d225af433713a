"""Graphs to export: stated by hand, or by Hypothesis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import CheckedImage, LocatedImage, SourceVersion, Statement
from k3m_kg.records import ProductRecord, ValueRecord

Record = ProductRecord | ValueRecord

CATALOG: list[Record] = [
    ProductRecord(
        "1",
        'A "red" mug\nof 25 %',
        "mugs",
        ("front.jpg", "https://example.org/back.jpg", "front.jpg"),
        (("colour", "red"), ("material", "Töpferton"), ("size 2", "<b>&\t\\"), ("colour", "dark")),
    ),
    ProductRecord("a/b c?", None, None, ("only.png",), (("颜色", "红色"),)),
    ProductRecord(
        "..", "dots", "mugs", (), (("colour", "red"),), 0, (("variant of", "1"), ("fits", "gone"))
    ),
    ValueRecord("red", (("sub-colour of", "warm"), ("is not", "1"))),
]


def state(store: GraphStore, records: Sequence[Record]) -> None:
    """Make `records` all that the graph holds."""

    def no_files(images: Sequence[LocatedImage]) -> list[CheckedImage]:
        assert not images
        return []

    digest = hashlib.sha256(repr(records).encode()).hexdigest()
    with store.writing() as writer:
        session = writer.session(SourceVersion("test", "test", digest), no_files)
        session.write(
            [
                Statement(record, tuple(map(LocatedImage, getattr(record, "images", ()))))
                for record in records
            ]
        )
        session.finish(0)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/graph.db"


@pytest.fixture
def store(url: str) -> Iterator[GraphStore]:
    """A graph with `CATALOG` in it."""
    with GraphStore.create(url)[0] as made:
        state(made, CATALOG)
        yield made


@pytest.fixture(scope="session")
def any_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """A graph whose content changes: for Hypothesis."""
    folder = tmp_path_factory.mktemp("graph")
    with GraphStore.create(f"sqlite:///{folder}/graph.db")[0] as made:
        yield made


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
) | st.sampled_from(["red", "1", "_2", "x-", "..", "%41", "\r\n", "\\", '"', "中88"])
PRINTABLE = TEXT.filter(lambda text: not any(c in "\ufffe\uffff" or c < " " for c in text))


def catalogs(text: st.SearchStrategy[str] = TEXT) -> st.SearchStrategy[list[Record]]:
    """A few records with texts of any characters that the graph takes."""

    @st.composite
    def draw_catalog(draw: Callable[..., Any]) -> list[Record]:
        ids = draw(st.lists(text, min_size=1, max_size=4, unique=True))
        values = draw(st.lists(text, max_size=2, unique=True))
        found: list[Record] = [draw(product(id_)) for id_ in ids]
        return found + [draw(value(text)) for text in values]

    def pairs(least: int = 0) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
        few = st.lists(st.tuples(text, text), min_size=least, max_size=4, unique=True)
        return few.map(lambda found: tuple(found))

    def value(value: str) -> st.SearchStrategy[ValueRecord]:
        return st.builds(ValueRecord, st.just(value), pairs(1))

    def product(id_: str) -> st.SearchStrategy[ProductRecord]:
        return st.builds(
            ProductRecord,
            st.just(id_),
            st.none() | text,
            st.none() | text,
            st.lists(text, max_size=3).map(tuple),
            pairs(),
            st.just(0),
            pairs(),
        )

    return draw_catalog()


def named_for_xml(records: Sequence[Record]) -> list[Record]:
    """The same with properties of links and values that RDF/XML has an element for."""

    def renamed(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((f"{name} of", other) for name, other in pairs)

    return [
        replace(record, properties=renamed(record.properties))
        if isinstance(record, ValueRecord)
        else replace(record, links=renamed(record.links))
        for record in records
    ]
