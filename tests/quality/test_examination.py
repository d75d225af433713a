"""Quality at a glance, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import LocatedImage, SourceVersion, Statement
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.quality import examination as quality_module
from k3m_kg.quality.examination import GraphQuality, Suspicion, ValueCount, examine
from k3m_kg.quality.page import quality_page
from k3m_kg.quality.plots import plot_categories
from k3m_kg.records import ProductRecord

Pairs = tuple[tuple[str, str], ...]


@pytest.fixture
def store(database_url: str) -> Iterator[GraphStore]:
    with GraphStore.create(database_url)[0] as store:
        yield store


def product(
    id_: object, *pairs: tuple[str, str], title: str | None = "x", category: str | None = None
) -> Statement:
    record = ProductRecord(str(id_), title, category, (), pairs, 1)
    return Statement(record, (LocatedImage("1.jpg", error="no such file"),))


def fill(store: GraphStore, *statements: Statement) -> None:
    with store.writing() as writer:
        session = writer.session(SourceVersion("a", "test", "1"), lambda images: [])
        session.write(statements)
        session.finish(0)


def many(name: str, value: str, count: int, start: int = 0) -> list[Statement]:
    return [product(start + n, (name, value), title=f"t{start + n}") for n in range(count)]


def listed(found: GraphQuality, kind: str) -> list[Suspicion]:
    return [one for one in found.suspicious.listed if one.kind == kind]


def test_an_empty_graph_has_nothing_to_say(store: GraphStore) -> None:
    found = examine(store)
    assert found.coverage == []
    assert found.suspicious.listed == []
    assert "Nothing." in quality_page("x", store.status(), found)


def test_coverage_counts_products_and_values(store: GraphStore) -> None:
    fill(
        store,
        product(1, ("colour", "red"), ("colour", "blue"), ("size", "S")),
        product(2, ("colour", "red"), category="a"),
        product(3, category="b"),
        product(4, ("size", "M"), category="a"),
    )
    found = examine(store)
    colour, size = found.coverage
    assert (colour.property, colour.products, colour.share) == ("colour", 2, 0.5)
    assert (colour.triples, colour.values, colour.examined) == (3, 2, 2)
    assert colour.most_frequent == (ValueCount("red", 2), ValueCount("blue", 1))
    assert (size.property, size.values) == ("size", 2)
    assert found.categories == [ValueCount("a", 2), ValueCount("b", 1)]
    assert found.category_count == 2
    assert found.image_errors == [ValueCount("no such file", 4)]


def test_suspicious_values_are_named_with_what_they_are_like(store: GraphStore) -> None:
    fill(
        store,
        *many("colour", "Turquoise", 30),
        *many("colour", "turquoise ", 2, 100),
        *many("colour", "Turqoise", 1, 200),
        *many("colour", "请填写", 3, 300),
        *many("colour", "Other", 2, 400),
        *many("colour", "very " * 60 + "red", 1, 500),
    )
    found = examine(store)
    assert listed(found, "placeholder") == [Suspicion("placeholder", "colour", "请填写", 3)]
    assert listed(found, "catch-all") == [Suspicion("catch-all", "colour", "Other", 2)]
    assert listed(found, "spelling") == [
        Suspicion("spelling", "colour", "turquoise ", 2, "Turquoise", 30)
    ]
    assert listed(found, "typo") == [Suspicion("typo", "colour", "Turqoise", 1, "Turquoise", 30)]
    (long,) = listed(found, "long")
    assert long.value.endswith("…")
    assert found.suspicious.values["placeholder"] == 1
    assert found.suspicious.triples["placeholder"] == 3


def test_only_the_most_frequent_are_kept_but_all_are_counted(store: GraphStore) -> None:
    texts = ("n/a", "N/A", "tbd", "-", "null")
    fill(store, *(product(n, ("a", text), title=f"t{n}") for n, text in enumerate(texts)))
    found = examine(store, top=2)
    assert len(listed(found, "placeholder")) == 2
    assert found.suspicious.values["placeholder"] == 5
    assert len(found.coverage[0].most_frequent) == 2


def test_of_many_values_the_most_frequent_are_looked_at(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_module, "EXAMINED_VALUES", 3)
    fill(store, *many("a", "n/a", 2), *(product(n, ("a", f"v{n}")) for n in range(10, 20)))
    (one,) = examine(store).coverage
    assert (one.values, one.examined) == (11, 3)
    assert one.most_frequent[0] == ValueCount("n/a", 2)


def test_properties_that_are_one_are_paired_and_others_are_not(store: GraphStore) -> None:
    fill(
        store,
        *many("colour", "red", 3),
        *many("Color ", "Red", 2, 100),
        *many("Size", "S", 2, 200),
        *many("size", "40", 1, 300),
        *many("height", "10 cm", 2, 400),
        *many("weight", "10 kg", 2, 500),
        *many("finish", "matt", 2, 600),
        *many("finis", "one", 2, 700),
    )
    pairs = {(s.property, s.like) for s in examine(store).suspicious.similar_properties}
    assert pairs == {("Color ", "colour"), ("size", "Size")}


def test_properties_that_products_state_together_are_two(store: GraphStore) -> None:
    both = [
        product(n, ("supportsClassB", ("no", "yes")[n % 2]), ("supportsClassC", "yes"))
        for n in range(10)
    ]
    rare = [product(n, ("matrial", "oak")) for n in range(20, 24)]
    common = [product(n, ("material", "oak")) for n in range(30, 60)]
    alike = [product(n, ("Width", "four"), ("width", "four")) for n in range(70, 75)]
    once = [product(80, ("matrial", "oak"), ("material", "ash"))]
    fill(store, *both, *rare, *common, *alike)
    found = examine(store).suspicious.similar_properties
    assert {frozenset((s.property, s.like)) for s in found} == {
        frozenset(("matrial", "material")), frozenset(("Width", "width")),
    }  # fmt: skip
    fill(store, *rare, *common, *once)  # one product that states both by mistake
    (still,) = examine(store).suspicious.similar_properties
    assert (still.property, still.like) == ("matrial", "material")


def test_titles_are_looked_at(store: GraphStore) -> None:
    fill(
        store,
        *(product(n, title="same") for n in range(3)),
        *(product(n, title="again") for n in range(3, 5)),
        product(5, title="TBD"),
        product(6, ("a", "b"), title=None),
        product(7, title="lorem ipsum dolor sit amet " * 9),
    )
    found = examine(store).suspicious
    assert found.repeated_titles == [ValueCount("same", 3), ValueCount("again", 2)]
    assert found.products_with_repeated_title == 5
    assert {(s.property, s.value[:11]) for s in found.listed} == {
        (None, "TBD"),
        (None, "lorem ipsum"),
    }


def test_units_stand_with_their_property(store: GraphStore) -> None:
    fill(store, *many("width", "10 cm", 2), *many("width", "4 mm", 1, 100))
    assert examine(store).coverage[0].units == {"cm": 2, "mm": 1}


class _Page(HTMLParser):
    """Tags with attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


_EVIL = "<script>alert('\"&$\\frac{1}{2}$')</script>"


def test_the_page_holds_everything_and_executes_nothing(store: GraphStore) -> None:
    values = (_EVIL, f"n/a{_EVIL}"), ("红", "n/a")
    fill(store, *(product(n, *values, title=_EVIL, category=_EVIL) for n in (1, 2)))
    page = quality_page(_EVIL, store.status(), examine(store))
    parsed = _Page(page)
    assert {tag for tag, _ in parsed.tags} <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "div", "b", "span",
        "figure", "img", "figcaption", "table", "tr", "th", "td", "i", "br", "code", "bdi",
    }  # fmt: skip
    assert parsed.text.count(_EVIL) == 4
    assert "http" not in page.replace("http-equiv", "")
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(images) == 3
    assert _EVIL[:9] not in page
    for data in images:
        assert Image.open(io.BytesIO(base64.b64decode(data))).width > 500


def test_a_plot_draws_any_text() -> None:
    names = ("$x^", "\\", "红", "a\nb", "\u202e", "x" * 500, "")
    assert plot_categories([ValueCount(name, 3) for name in names]).startswith(b"\x89PNG")


@pytest.mark.realdata
def test_a_real_catalog_shows_what_nobody_filled_in(data_dir: Path, tmp_path: Path) -> None:
    with (
        GraphStore.create(f"sqlite:///{tmp_path}/graph.db")[0] as store,
        Quarantine(tmp_path / "rejected.jsonl") as rejected,
    ):
        source = data_dir / "taobao-sample" / "train.tsv"
        ingest(store, [source], IngestOptions(), quarantine=rejected)
        found = examine(store, top=50)
    named = {(one.kind, one.value) for one in found.suspicious.listed}
    assert {("placeholder", "请填写"), ("catch-all", "见描述")} <= named
    assert not listed(found, "typo")
    assert len(found.coverage) > 300


def test_the_page_counts_links_and_facts_where_there_are_some(
    store: GraphStore,
) -> None:
    status = store.status()
    assert "between products" not in quality_page("x", status, examine(store))
    page = quality_page("x", replace(status, links=1234, facts=5), examine(store))
    assert "<b>1,234</b><span>between products</span>" in page
    assert "<b>5</b><span>of values</span>" in page
