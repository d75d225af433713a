"""RDF in all its forms."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers import lines
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.readers.rdf import groups as rdf_groups
from k3m_kg.readers.rdf import syntax as rdf_syntax
from k3m_kg.readers.rdf.reader import RdfReader, form_of
from k3m_kg.records import Note, ProductRecord, RejectedRow, ValueRecord

PREFIXES = """
    @prefix s: <https://schema.org/> .
    @prefix k3m: <https://k3m-kg.org/ns#> .
    @prefix product: <https://k3m-kg.org/product/> .
    @prefix property: <https://k3m-kg.org/property/> .
    @prefix value: <https://k3m-kg.org/value/> .
    @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
    @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    @prefix x: <http://shop.example/> .
"""
OURS = (
    PREFIXES
    + """
    product:A%2F1 a s:Product ; k3m:id "A/1" ; s:name "red mug" ; s:category "mugs" ;
        s:image "b.jpg", "a.jpg" ; k3m:images ( "a.jpg" "b.jpg" ) ;
        property:colour "red", "dark red" ; property:part%20of product:B .
    product:B a s:Product ; k3m:id "B" .
    value:mugs rdfs:label "mugs" ; property:kind%20of "tableware" .
    property:part%20of rdfs:label "part of" .
"""
)
OUR_RECORDS = [
    ProductRecord(
        "A/1", "red mug", "mugs", ("a.jpg", "b.jpg"), (("colour", "red"), ("colour", "dark red")),
        links=(("part of", "B"),),
    ),
    ProductRecord("B"),
    ValueRecord("mugs", (("kind of", "tableware"),)),
]  # fmt: skip
FORMS = {
    "nt": ox.RdfFormat.N_TRIPLES,
    "nq": ox.RdfFormat.N_QUADS,
    "ttl": ox.RdfFormat.TURTLE,
    "trig": ox.RdfFormat.TRIG,
    "rdf": ox.RdfFormat.RDF_XML,
    "jsonld": ox.RdfFormat.JSON_LD,
}


def turtle(text: str) -> list[ox.Triple]:
    return [
        ox.Triple(quad.subject, quad.predicate, quad.object)
        for quad in ox.parse(input=PREFIXES + text, format=ox.RdfFormat.TURTLE)
    ]


def read(path: Path, content: str | bytes) -> list:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [found for found in RdfReader().read(path, None) if not isinstance(found, Note)]


def without_lines(records: list) -> list:
    """Equal content is equal, in whatever order a form has it."""
    plain = []
    for record in records:
        fields = {name: getattr(record, name) for name in record.__slots__ if name != "line"}
        for name in ("properties", "links"):
            if name in fields:
                fields[name] = tuple(sorted(fields[name]))
        plain.append(type(record)(**fields))
    return sorted(plain, key=repr)


@pytest.mark.parametrize("form", FORMS)
def test_our_own_shape_is_read_from_every_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"catalog.{form}"
    content = ox.serialize(turtle(OURS.removeprefix(PREFIXES)), format=FORMS[form])
    assert without_lines(read(path, content)) == without_lines(OUR_RECORDS)
    assert choose_reader(path).name == "rdf"
    bare, packed = tmp_path / "catalog", tmp_path / f"catalog.{form}.gz"
    bare.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    for other in (bare, packed):
        assert choose_reader(other).name == "rdf"
        assert without_lines(list(RdfReader().read(other, None))) == without_lines(OUR_RECORDS)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_schema_org_products_are_understood(tmp_path: Path, scheme: str) -> None:
    content = f"""{{
      "@context": {{"@vocab": "{scheme}://schema.org/"}},
      "@type": "Product", "sku": "M1", "name": "mug", "category": ["mugs", "gifts"],
      "brand": {{"@type": "Brand", "name": "Acme"}},
      "image": ["a.jpg", {{"@type": "ImageObject", "contentUrl": "b.jpg"}}],
      "additionalProperty": [
        {{"@type": "PropertyValue", "name": "colour", "value": ["red", "blue"]}},
        {{"@type": "PropertyValue", "name": "height", "value": 9.50, "unitText": "cm"}},
        {{"@type": "PropertyValue", "propertyID": "ean", "value": 42}}
      ],
      "offers": {{"@type": "Offer", "price": 5, "seller": {{"name": "Shop"}}}},
      "isVariantOf": {{"@type": "Product", "sku": "M"}}
    }}"""
    mug, parent = sorted(read(tmp_path / "a.jsonld", content), key=lambda record: -len(record.id))
    assert (mug.id, mug.title, mug.category) == ("M1", "mug", "mugs")
    assert sorted(mug.images) == ["a.jpg", "b.jpg"]
    assert mug.links == (("isVariantOf", "M"),)
    assert sorted(mug.properties) == [
        ("brand", "Acme"), ("category", "gifts"), ("colour", "blue"), ("colour", "red"),
        ("ean", "42"), ("height", "9.5E0 cm"), ("offers.price", "5"), ("offers.seller", "Shop"),
        ("sku", "M1"),
    ]  # fmt: skip
    assert parent == ProductRecord("M", properties=(("sku", "M"),), line=parent.line)


def test_iris_are_links_values_or_pictures(tmp_path: Path) -> None:
    content = (
        PREFIXES
        + """
        x:colour rdfs:label "Colour" . x:red rdfs:label "Red" .
        x:p1 a s:Product ; x:colour x:red, x:dark%20blue ; s:image <http://img/1.jpg> ;
            x:related x:p2, <http://other/product/7%208> ; s:additionalProperty x:size ;
            x:note "nice"@en, "  " ; rdfs:label "the first" ; a x:Mug .
        x:p2 a s:Product ; s:name "second", "zweites"@de .
        x:size s:name "size" ; s:value "L" .
        x:red x:family "warm" ; a x:Hue .
    """
    )
    first, second, red = sorted(read(tmp_path / "a.ttl", content), key=repr)
    assert first == ProductRecord(
        "http://shop.example/p1",
        "the first",
        None,
        ("http://img/1.jpg",),
        (
            ("Colour", "Red"), ("Colour", "dark blue"), ("size", "L"), ("note", "nice"),
            ("type", "Mug"),
        ),
        3,
        (("related", "http://shop.example/p2"), ("related", "7 8")),
    )  # fmt: skip
    assert (second.title, second.properties) == ("second", (("name", "zweites"),))
    assert red == ValueRecord("Red", (("family", "warm"),), red.line)


def test_without_any_class_each_subject_is_a_product(tmp_path: Path) -> None:
    content = """<http://e/1> <http://r/likes> <http://e/2> .
        <http://e/1> <http://r/size> "L" .
        <http://e/2> <http://r/likes> <http://other/3> .
        <http://r/likes> <http://www.w3.org/2000/01/rdf-schema#label> "likes" .
    """
    assert read(tmp_path / "a.nt", content) == [
        ProductRecord(
            "http://e/1", properties=(("size", "L"),), line=1, links=(("likes", "http://e/2"),)
        ),
        ProductRecord("http://e/2", properties=(("likes", "3"),), line=3),
    ]


P = "<https://k3m-kg.org/product/{}> <https://k3m-kg.org/property/{}> {} .\n"


def test_a_bad_line_costs_only_itself_and_odd_ones_are_read(tmp_path: Path) -> None:
    lines = [
        P.format(1, "a", '"x"'),
        "no triple\n",
        P.format(1, "b", r'"tab\t\u00e9 \"q\""'),
        "# a comment\n",
        "\n",
        "  " + P.format(1, "c", '"1"^^<http://www.w3.org/2001/XMLSchema#int>').replace(" ", "\t"),
        P.format(1, "d", '"open'),
        P.format(1, "e", '"x"@en-GB'),
        P.format("", "relative", '"x"').replace("https://k3m-kg.org/product/", "rel"),
        P.format(2, "a", '"x"').replace(" .\n", " . # why\r\n"),
        P.format(2, "b", '"y"').replace("\n", "") + P.format(2, "c", '"z"'),
        P.format(2, "d", '"a\0b"'),
        P.format(3, "a", "<http://e/x> <http://graph>"),
    ]
    found = read(tmp_path / "a.nt", "".join(lines).encode() + b"\xff\n" + b"x" * (MAX_LINE + 5))
    rejected = [record for record in found if isinstance(record, RejectedRow)]
    (product,) = (record for record in found if isinstance(record, ProductRecord))
    assert product.properties == (
        ("a", "x"), ("b", 'tab\té "q"'), ("c", "1"), ("e", "x"),
    )  # fmt: skip
    assert [row.line for row in rejected] == [2, 7, 9, 10, 11, 13, 14, 15]
    reasons = " ".join(row.reason for row in rejected)
    for part in ("no RDF", "NUL character", "invalid UTF-8 at byte 1", "longer than"):
        assert part in reasons
    assert all(len(row.raw) <= 2000 for row in rejected)
    assert len(read(tmp_path / "a.nq", P.format(3, "a", "<http://e/x> <http://graph>"))) == 1


@pytest.mark.parametrize(
    ("form", "content", "where"),
    [
        ("ttl", "<a> <b> <c> .\n\nbad\n", ":3"),
        ("rdf", "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><a", ""),
        ("jsonld", '{"@context": "https://other.example/", "name": "x"}', ""),
        ("jsonld", '{"@graph": [', ""),
        ("trig", "<a> { <b>", ""),
    ],
)
def test_a_syntax_error_in_a_document_is_one_error(
    tmp_path: Path, form: str, content: str, where: str
) -> None:
    path = tmp_path / f"a.{form}"
    with pytest.raises(CatalogError, match="no RDF") as raised:
        read(path, content)
    assert str(raised.value).startswith(f"{path}{where}")
    if "schema.org" in content:
        assert "nothing is fetched" in str(raised.value)


def test_a_damaged_packed_document_is_one_error(tmp_path: Path) -> None:
    content = gzip.compress((OURS + "# more\n" * 100_000).encode())
    with pytest.raises(CatalogError, match="gzip stream is damaged"):
        read(tmp_path / "a.ttl.gz", content[:-20])


@pytest.mark.parametrize("padding", [0, 8180, 262_140])
def test_entities_are_refused_before_they_can_explode(tmp_path: Path, padding: int) -> None:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    content = (
        f'<?xml version="1.0"?>{" " * padding}<!DOCTYPE r [<!ENTITY e0 "ha">{levels}]>'
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:x='http://x/'>"
        "<rdf:Description rdf:about='http://x/product/1'><x:a>&e9;</x:a></rdf:Description>"
        "</rdf:RDF>"
    )
    with pytest.raises(CatalogError, match="document type") as raised:
        read(tmp_path / "a.rdf", content)
    assert "convert the file to Turtle" in str(raised.value)


LISTED = (
    "<https://k3m-kg.org/product/{0}> <https://k3m-kg.org/ns#images> _:i{0}x0 .\n"
    '_:i{0}x0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> "a.jpg" .\n'
    "_:i{0}x0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> "
    "<http://www.w3.org/1999/02/22-rdf-syntax-ns#nil> .\n"
)


@pytest.mark.parametrize("held", [10, 500_000])
def test_sorted_lines_stream_and_give_the_same(tmp_path: Path, monkeypatch, held: int) -> None:
    monkeypatch.setattr(rdf_groups, "GROUPED", held)
    content = "bad\n" + "".join(
        P.format(n, "a", '"x"') + LISTED.format(n) + "bad\n" * (n == 7) + P.format(n, "b", '"y"')
        for n in range(50)
    )
    found = read(tmp_path / "a.nt", content)
    products = [record for record in found if isinstance(record, ProductRecord)]
    assert [product.id for product in products] == [str(n) for n in range(50)]
    assert all(product.properties == (("a", "x"), ("b", "y")) for product in products)
    assert all(product.images == ("a.jpg",) for product in products)
    assert [record.line for record in found] == sorted(record.line for record in found)
    assert len(found) == 52


def test_unsorted_lines_are_grouped_up_to_a_bound(tmp_path: Path, monkeypatch) -> None:
    content = "".join(P.format(n, name, '"x"') for name in "abc" for n in range(10))
    assert len(read(tmp_path / "a.nt", content)) == 10
    monkeypatch.setattr(rdf_groups, "GROUPED", 20)
    with pytest.raises(CatalogError, match="are not together") as raised:
        read(tmp_path / "a.nt", content)
    assert "LC_ALL=C sort" in str(raised.value)
    assert len(read(tmp_path / "a.nt", "".join(sorted(content.splitlines(True))))) == 10


def test_circles_and_webs_of_nodes_end(tmp_path: Path) -> None:
    circle = P.format(1, "a", "_:x") + "_:x <http://e/next> _:x .\n"
    circle += P.format(2, "a", '"x"')
    web = P.format(3, "a", "_:n0") + "".join(
        f"_:n{n} <http://e/{link}> _:n{n + 1} .\n" for n in range(20) for link in range(20)
    )
    images = P.format(4, "a", '"x"') + LISTED.format(4).replace(
        "<http://www.w3.org/1999/02/22-rdf-syntax-ns#nil>", "_:i4x0"
    )
    found = {record.line: record for record in read(tmp_path / "a.nt", circle + web + images)}
    assert isinstance(found[3], ProductRecord)
    assert sum(isinstance(record, RejectedRow) for record in found.values()) == 3
    chain = P.format(1, "a", "_:n0") + "".join(
        f"_:n{n} <http://e/next> _:n{n + 1} .\n" for n in range(1900)
    )
    (deep,) = read(tmp_path / "b.nt", chain)
    assert isinstance(deep, RejectedRow)


def test_no_product_is_an_error_that_lists_the_classes(tmp_path: Path) -> None:
    content = (
        PREFIXES
        + """
        x:1 a x:Ware ; x:name "Mug" . x:2 a x:Ware ; x:name "Cup" . x:3 a x:Maker ; x:name "Acme" .
    """
    )
    with pytest.raises(CatalogError, match="no product in this file") as failure:
        read(tmp_path / "a.ttl", content)
    hint = failure.value.hint or ""
    assert "<http://shop.example/Ware> (2), <http://shop.example/Maker> (1)" in hint
    assert "`classes: [Ware]`" in hint
    with pytest.raises(CatalogError, match="no node is of class Wares") as failure:
        mapped(tmp_path / "a.ttl", content, "classes: [Wares]")
    assert "<http://shop.example/Ware> (2)" in (failure.value.hint or "")


def test_statements_of_our_own_values_need_no_product(tmp_path: Path) -> None:
    content = PREFIXES + 'value:mugs a x:Kind ; property:kind%20of "tableware" .'
    (found,) = read(tmp_path / "a.ttl", content)
    assert (found.value, found.properties) == ("mugs", (("kind of", "tableware"),))


def mapped(path: Path, content: str, mapping: str) -> list:
    path.write_text(content)
    file = path.with_name("mapping.yaml")
    file.write_text(mapping)
    return list(RdfReader().read(path, file))


def test_a_mapping_says_which_nodes_are_products_and_what_their_predicates_are(
    tmp_path: Path,
) -> None:
    content = (
        PREFIXES
        + """
        x:1 a x:Ware ; x:label_ "Mug"@en, "Becher"@de ; x:kind "mugs > small" ; x:hue "red|blue" ;
            x:photo [ x:at <http://img/1.jpg> ] ; x:maker [ a x:Maker ; x:called "Acme" ] ;
            s:additionalProperty [ s:name "height" ; s:value 9 ; s:unitText "cm" ] ;
            x:beside <http://shop.example/product/2> ; x:stock "7" .
        <http://shop.example/product/2> a x:Ware ; x:label_ "Tasse"@de ; x:stock "8" .
        x:3 a x:Maker ; x:called "Acme" .
    """
    )
    mapping = """
        classes: [Ware]
        title: label_
        languages: [de]
        category: kind
        category_levels: ">"
        image: photo.at
        separators: {hue: "|"}
        links: {beside: related}
        rename: {maker.called: brand}
        leave_out: [stock]
    """
    first, second = mapped(tmp_path / "a.ttl", content, mapping)
    assert (first.id, first.title, first.category) == (
        "http://shop.example/1", "Becher", "mugs > small",
    )  # fmt: skip
    assert first.images == ("http://img/1.jpg",)
    assert set(first.properties) == {
        ("hue", "red"), ("hue", "blue"), ("brand", "Acme"), ("height", "9 cm"),
        ("label_.en", "Mug"),
    }  # fmt: skip
    assert first.links == (("related", "2"),)
    assert (second.id, second.title, second.properties) == ("2", "Tasse", ())
    path = tmp_path / "a.ttl"
    assert choose_reader(path, mapped=True).name == "rdf"
    with pytest.raises(ConfigError, match="'lable_'"):
        mapped(path, content, "classes: [Ware]\ntitle: lable_")
    with pytest.raises(ConfigError, match="`element` is a setting of XML, which rdf is not"):
        mapped(path, content, "classes: [Ware]\nelement: x")


def test_one_language_is_the_rule_and_others_are_kept_apart(tmp_path: Path) -> None:
    content = (
        PREFIXES
        + """
        product:1 a s:Product ; s:name "Becher"@de, "Mug"@en ;
            s:description "Ein Becher"@de, "A mug"@en-GB ; s:sku "m1" ; x:note "x", "y"@fr, "z"@en .
        product:2 a s:Product ; s:name "Mug"@en, "Becher"@de ; s:description "Nur das"@de .
    """
    )
    path = tmp_path / "a.ttl"
    path.write_text(content)
    first, second, note = RdfReader().read(path, None)
    assert (first.title, second.title) == ("Mug", "Mug")
    assert set(first.properties) == {
        ("name.de", "Becher"), ("description.de", "Ein Becher"), ("description", "A mug"),
        ("sku", "m1"), ("note", "x"), ("note.fr", "y"), ("note", "z"),
    }  # fmt: skip
    assert set(second.properties) == {("name.de", "Becher"), ("description", "Nur das")}
    assert "(de, en, en_gb, fr)" in note.text
    first, second = RdfReader(languages=["de"]).read(path, None)
    assert (first.title, second.title) == ("Becher", "Becher")
    assert ("name.en", "Mug") in first.properties
    lines = ox.serialize(turtle(content.removeprefix(PREFIXES)), format=ox.RdfFormat.N_TRIPLES)
    other = tmp_path / "a.nt"
    other.write_bytes(lines)
    assert without_lines(list(RdfReader(languages=["de"]).read(other, None))) == without_lines(
        [first, second]
    )


def test_nodes_of_one_label_stay_two(tmp_path: Path) -> None:
    content = (
        PREFIXES
        + """
        product:1 x:hue <http://a/red>, <http://b/red> ; x:maker <http://a/m> .
        product:2 x:hue <http://b/red> ; x:maker <http://b/n> .
        <http://a/red> rdfs:label "Red" ; x:code "1" .
        <http://b/red> rdfs:label "Red" ; x:code "2" .
        <http://a/m> a s:Brand ; s:name "Acme" . <http://b/n> a s:Brand ; s:name "Acme" .
    """
    )
    found = read(tmp_path / "a.ttl", content)
    products = [record for record in found if isinstance(record, ProductRecord)]
    values = {
        record.value: record.properties for record in found if isinstance(record, ValueRecord)
    }
    assert products[0].properties == (
        ("hue", "Red"), ("hue", "Red <http://b/red>"), ("maker", "Acme"),
    )  # fmt: skip
    assert products[1].properties == (("hue", "Red <http://b/red>"), ("maker", "Acme"))
    assert values == {"Red": (("code", "1"),), "Red <http://b/red>": (("code", "2"),)}


@pytest.mark.parametrize(
    ("name", "head", "form"),
    [
        ("a.nt.gz", b"anything", "nt"),
        ("a", b'# hello\n<http://a> <http://b> "c" .\n', "nq"),
        ("a", b"_:a <http://b> <http://c> .\n", "nq"),
        ("a.txt", b"\xef\xbb\xbf@prefix a: <b> .\n", "trig"),
        ("a", b"PREFIX a: <b>\n", "trig"),
        ("a.xml", b"<?xml version='1.0'?>\n<rdf:RDF>", "rdfxml"),
        ("a.xml", b"<html>", None),
        ("a.json", b'{\n "@context": {}}', "jsonld"),
        ("a.json", b'[{"@id": "x"}]', "jsonld"),
        ("a.json", b'[{"id": "x"}]', None),
        ("a.jsonl", b'{"@id": "x"}', "jsonld"),  # JSON Lines are surer of it
        ("a.csv", b"id,name\n", None),
    ],
)
def test_sniff(name: str, head: bytes, form: str | None) -> None:
    assert form_of(Path(name), head) == form


def test_an_iri_that_is_no_name_is_rejected(tmp_path: Path) -> None:
    rejected, product = read(
        tmp_path / "a.nt",
        '<https://x.org/a\u2028> <https://x.org/colour> "red" .\n<https://x.org/b> <x:p> "1" .\n',
    )
    assert isinstance(rejected, RejectedRow)
    assert rejected.reason == "an IRI with blanks at its end"
    assert isinstance(product, ProductRecord)


@pytest.mark.parametrize("before", ["", '<https://x.org/a> <x:p> "\\u0031" .\n'])
def test_a_line_without_subject_belongs_to_no_product(tmp_path: Path, before: str) -> None:
    records = read(tmp_path / "a.nt", f'{before} <x:q> "2" .\n<https://x.org/b> <x:p> "3" .\n')
    products = [record for record in records if isinstance(record, ProductRecord)]
    values = [value for product in products for _, value in product.properties]
    assert values == (["1", "3"] if before else ["3"])
    assert any(isinstance(record, RejectedRow) for record in records)


@example(
    parts=[("<urn:a>", '<urn:p> "v" .')] * 4 + [("urn:d", '<urn:p> "v" .')], block=23, ended=False
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["<urn:a>", "<urn:b>", "_:c", "urn:d", ""]),
            st.sampled_from(['<urn:p> "v" .', "<urn:q> <urn:a> .", '<urn:p> "a\\tb" .', "x"]),
        ),
        max_size=30,
    ),
    st.integers(1, 200),
    st.booleans(),
)
def test_blocks_of_plain_lines_are_read_as_line_by_line(
    parts: list[tuple[str, str]], block: int, ended: bool
) -> None:
    content = "\n".join(f"{subject} {tail}" for subject, tail in parts) + "\n" * ended

    def runs() -> list[str]:
        return [repr(run) for run in rdf_syntax.line_runs(BytesIO(content.encode()), "nt")]

    def triples() -> tuple[list[object], list[object]]:
        """Triples and rejected rows, in order each: where a run is cut, a rejected row may lie."""
        found = list(rdf_syntax.line_runs(BytesIO(content.encode()), "nt"))
        rejected = [item for item in found if isinstance(item, RejectedRow)]
        read = [
            (item.subject, *pair)
            for item in found
            if not isinstance(item, RejectedRow)
            for pair in item.pairs
        ]
        return read, rejected

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", block)
        found, longest = runs(), rdf_syntax.LONGEST_RUN
        patch.setattr(rdf_syntax, "LONGEST_RUN", 3)  # longer only by what one block adds
        in_pieces = triples()
        patch.setattr(rdf_syntax._LineRuns, "of_plain", lambda self, block: None)
        assert in_pieces == triples()
        patch.setattr(rdf_syntax, "LONGEST_RUN", longest)
        assert found == runs()
