"""Validation finds what the shapes forbid, whatever the batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdflib import RDF, Graph, Literal

from k3m_kg.errors import UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.shapes import SH, catalog_shapes, load_shapes
from k3m_kg.rdf.validate import ShaclResult, validate
from k3m_kg.records import ProductRecord, ValueRecord
from tests.rdf.conftest import CATALOG, state

PREFIXES = """
    @prefix sh: <http://www.w3.org/ns/shacl#> .
    @prefix schema: <https://schema.org/> .
    @prefix k3m: <https://k3m-kg.org/ns#> .
    @prefix property: <https://k3m-kg.org/property/> .
"""
MESSY = [
    ProductRecord("fine", "a title", "mugs", ("1.jpg",), (("colour", "red"), ("id", "xxl"))),
    ProductRecord("bare", properties=(("colour", "n/a"), ("size", "-"), ("made", "Please select"))),
    ProductRecord("blank", " \t", " ", (" ",)),
    ProductRecord("N/A", "an id is no placeholder", properties=((" ", "1"),)),
    ProductRecord("words", "unknown pleasures", properties=(("brand", "Null Ltd"), ("n", "1"))),
    ValueRecord("red", (("sub-colour of", "TBD"),)),
]


@pytest.fixture
def messy(store: GraphStore) -> GraphStore:
    state(store, MESSY)
    return store


@pytest.fixture
def shapes() -> Path:
    return catalog_shapes()


def own(tmp_path: Path, body: str, name: str = "own.ttl") -> Path:
    path = tmp_path / name
    path.write_text(PREFIXES + body, encoding="utf-8")
    return path


def test_the_catalog_shapes_name_every_flaw(messy: GraphStore, shapes: Path) -> None:
    report = validate(messy, shapes)
    placeholder = "the value is a placeholder"
    bare = "the product has neither title nor picture"
    assert report.findings == [
        ShaclResult("product", "bare", "violation", bare),
        ShaclResult("product", "bare", "warning", placeholder, "colour", "n/a"),
        ShaclResult("product", "bare", "warning", placeholder, "made", "Please select"),
        ShaclResult("product", "bare", "warning", placeholder, "size", "-"),
        ShaclResult(
            "product", "blank", "violation", "the category is blank", "schema:category", " "
        ),
        ShaclResult("product", "blank", "violation", "the picture's path or URL is blank",
                "schema:image", " "),
        ShaclResult("product", "blank", "violation", "the title is blank", "schema:name", " \t"),
        ShaclResult("product", "blank", "warning", placeholder, "schema:category", " "),
        ShaclResult("product", "blank", "warning", placeholder, "schema:image", " "),
        ShaclResult("product", "blank", "warning", placeholder, "schema:name", " \t"),
        ShaclResult(
            "property", " ", "violation", "the name of the property or value is blank",
            "rdfs:label", " ",
        ),
        ShaclResult("property", " ", "warning", placeholder, "rdfs:label", " "),
        ShaclResult("value", "red", "warning", placeholder, "sub-colour of", "TBD"),
    ]  # fmt: skip
    assert report.counts == {"violation": 5, "warning": 8, "info": 0}
    assert (report.products, report.conforms) == (5, False)


@pytest.mark.parametrize("batch", [0, 1, 2, 100])
def test_batches_do_not_change_what_is_found(messy: GraphStore, shapes: Path, batch: int) -> None:
    done: list[int] = []
    report = validate(messy, shapes, batch=batch, on_progress=done.append)
    assert report.findings == validate(messy, shapes).findings
    assert done == sorted(done)
    assert done[-1] == report.products == 5


def test_a_good_catalog_and_an_empty_one_conform(store: GraphStore, shapes: Path) -> None:
    state(store, [record for record in CATALOG if record != CATALOG[1]])
    for count in (2, 0):
        report = validate(store, shapes, with_shacl=True)
        assert (report.findings, report.products, report.conforms) == ([], count, True)
        assert report.shacl is not None
        graph = Graph().parse(data=report.shacl, format="turtle")
        assert list(graph.objects(None, SH.conforms)) == [Literal(True)]
        state(store, [])


def test_the_report_in_shacl_is_one_report(messy: GraphStore, shapes: Path) -> None:
    report = validate(messy, shapes, batch=2, with_shacl=True)
    assert report.shacl is not None
    again = Graph().parse(data=report.shacl, format="turtle")
    (node,) = again.subjects(RDF.type, SH.ValidationReport)
    assert again.value(node, SH.conforms) == Literal(False)
    assert len(list(again.objects(node, SH.result))) == len(report.findings)


def test_shapes_of_ones_own(messy: GraphStore, tmp_path: Path) -> None:
    path = own(tmp_path, """
        [] a sh:NodeShape ; sh:targetClass schema:Product ;
            sh:property [ sh:path property:colour ; sh:minCount 1 ; sh:severity sh:Info ;
                sh:message "no colour" ] ,
                [ sh:path property:size ; sh:in ( "S" "M" ) ; sh:message "no size of ours" ] .
    """)  # fmt: skip
    report = validate(messy, path)
    sizes = [f for f in report.findings if f.severity == "violation"]
    assert sizes == [ShaclResult("product", "bare", "violation", "no size of ours", "size", "-")]
    assert [f.name for f in report.findings if f.severity == "info"] == ["N/A", "blank", "words"]


def test_shapes_over_links_need_one_batch(store: GraphStore, tmp_path: Path) -> None:
    path = own(tmp_path, """
        [] a sh:NodeShape ; sh:targetSubjectsOf property:variant%20of ;
            sh:property [ sh:path property:variant%20of ; sh:class schema:Product ] .
    """)  # fmt: skip
    assert validate(store, path, batch=0).conforms
    assert not validate(store, path, batch=1).conforms


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<a> <b> ", "is no valid Turtle"),
        ("", "holds no SHACL shape with a target"),
        ("[] a sh:NodeShape ; sh:property [ sh:path schema:name ] .", "no SHACL shape"),
        (
            '[] a sh:NodeShape ; sh:targetClass schema:Product ; sh:sparql [ sh:select """'
            'SELECT $this { SERVICE <http://localhost/> { $this ?p ?o } }""" ] .',
            "SERVICE would ask another server",
        ),
        ("[] sh:targetClass schema:Product ; sh:js [ sh:jsFunctionName 'f' ] .", "JavaScript"),
    ],
)
def test_files_that_are_no_shapes(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_shapes(own(tmp_path, body))


@pytest.mark.parametrize(
    "body",
    [
        "[] a sh:NodeShape ; sh:targetClass schema:Product ; sh:property [ sh:minCount 1 ] .",
        "[] a sh:NodeShape ; sh:targetClass schema:Product ; sh:property"
        " [ sh:path schema:name ; sh:minCount 'many' ] .",
        "[] a sh:NodeShape ; sh:targetClass schema:Product ; sh:or 1 .",
        "[] a sh:NodeShape ; sh:targetClass schema:Product ; sh:property"
        " [ sh:path schema:name ; sh:pattern '(' ] .",
        "[] a sh:NodeShape ; sh:targetClass schema:Product ; sh:sparql [ sh:select 'SELECT' ] .",
    ],
)
def test_malformed_shapes_are_one_clear_message(
    store: GraphStore, tmp_path: Path, body: str
) -> None:
    with pytest.raises(UsageError, match="these shapes cannot be used: "):
        validate(store, own(tmp_path, body))
