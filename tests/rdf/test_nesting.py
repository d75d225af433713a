"""How deep a document is, is seen however it is cut, and parsers never see what is too deep."""

from __future__ import annotations

import json
from xml.dom import minidom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k3m_kg.rdf.nesting import nesting_scanner

TRICKY = st.sampled_from(['a"}{[\\', '\\"[{', "\\", '"', "]]]", "\\\\", "é\n", ""])
JSON = st.recursive(
    TRICKY | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=12,
)
SIZES = st.sampled_from([1, 2, 3, 7, 1000])
CONTENTS = [
    "text > ]]> ", "<!-- <a> - > \" ' -->", "<![CDATA[<a><b>]] >\"]]>", "<?pi <a> ?>",
    "<e/>", '<e x="/>"/>', "<e y='>\"'>'</e>",
]  # fmt: skip
WRAPS = ['<a x="/>">%s</a>', "<a:b y='>\"'><!--<x>-->%s<e/></a:b>", "<a >%s</a >", "<a\n/>%s"]
XML = st.recursive(
    st.sampled_from(CONTENTS).map(lambda text: text.replace("]]> ", "")),
    lambda inner: st.tuples(st.sampled_from(WRAPS), inner, inner).map(
        lambda parts: parts[0].replace("%s", parts[1]) + parts[2]
    ),
    max_leaves=12,
)


def is_deeper(form: str, content: bytes, size: int, limit: int) -> bool:
    scanner = nesting_scanner(form, limit)
    return any(
        scanner.too_deep(content[start : start + size]) for start in range(0, len(content), size)
    )


def json_depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(json_depth, value), default=0) if isinstance(value, list) else 0


def xml_depth(node: minidom.Node) -> int:
    """Of elements with something between their tags."""
    inner = max(map(xml_depth, node.childNodes), default=0)
    return inner + (node.nodeType == node.ELEMENT_NODE and node.hasChildNodes())


@given(JSON, SIZES, st.booleans())
def test_json_is_as_deep_as_a_parser_says(value: object, size: int, ascii_: bool) -> None:
    content = json.dumps(value, ensure_ascii=ascii_).encode()
    depth = json_depth(value)
    assert not is_deeper("jsonld", content, size, depth)
    assert depth == 0 or is_deeper("jsonld", content, size, depth - 1)


@given(XML, SIZES)
def test_xml_is_as_deep_as_a_parser_says(inner: str, size: int) -> None:
    content = f'<?xml version="1.0"?>\n<r xmlns:a="urn:a">.{inner}</r>'.encode()
    depth = xml_depth(minidom.parseString(content).documentElement)  # type: ignore[arg-type]
    assert not is_deeper("rdfxml", content, size, depth)
    assert is_deeper("rdfxml", content, size, depth - 1)


@pytest.mark.parametrize("form", ["ttl", "nq"])
@pytest.mark.parametrize("size", [1, 2, 10, 10_000])
def test_triples_as_terms(form: str, size: int) -> None:
    nested = b"<urn:s> <urn:p> " + b"<<( <urn:s> <urn:p> " * 300 + b'"1"' + b" )>>" * 300 + b" ."
    assert is_deeper(form, nested, size, 256)
    texts = b'<urn:s> <urn:p> "<<( for you" .\n' * 1000
    assert not is_deeper(form, texts, size, 256)
    reified = b"<< <urn:s> <urn:p> <urn:o> >> <urn:p> <urn:o> .\n" * 1000
    assert not is_deeper(form, reified, size, 256)
