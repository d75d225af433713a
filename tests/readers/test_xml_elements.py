from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.readers.xml import elements
from k3m_kg.readers.xml.elements import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    XmlElement,
    sniffed_elements,
)
from k3m_kg.readers.xml.whole_elements import xml_elements
from k3m_kg.records import RejectedRow


def found(folder: Path, text: str | bytes, *wanted: str, **options: bool) -> list[object]:
    path = folder / "document.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(xml_elements(path, wanted or ("p",), **options))


def names(items: list[object]) -> list[tuple[str, str, int]]:
    return [(e.name, e.text, e.line) for e in items if isinstance(e, XmlElement)]


def test_elements_come_with_their_line_whatever_their_depth(tmp_path: Path) -> None:
    text = "\n<?xml version='1.0'?>\n<c>\n<p>a</p><g>\n<p> b <x/>c</p></g></c>"
    assert names(found(tmp_path, text)) == [("p", "a", 4), ("p", "b c", 5)]


def test_the_outermost_counts(tmp_path: Path) -> None:
    (element,) = found(tmp_path, "<c><p k='v'>1<q><p>2</p></q></p></c>")
    assert isinstance(element, XmlElement)
    assert element.attributes == {"k": "v"}
    assert element.text_of("q", "p") == "2"
    assert element.text_of("q", "r") == ""


def test_namespaces_or_prefixes(tmp_path: Path) -> None:
    text = "<c xmlns:g='https://ns.example/'><g:p>1</g:p></c>"
    assert names(found(tmp_path, text)) == [("https://ns.example/ p", "1", 1)]
    assert names(found(tmp_path, text, "g:p", namespaces=False)) == [("g:p", "1", 1)]


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE c [<!ENTITY % x SYSTEM "https://shop.example/x.dtd"> %x;]>',
    ],
)
def test_declared_entities_are_refused(tmp_path: Path, declared: str) -> None:
    with pytest.raises(CatalogError, match="declares entities"):
        found(tmp_path, f"{declared}<c><p>&b;</p></c>")


@pytest.mark.parametrize("begin", ["<c><p k='", "<c><!--", "<c><?x ", "<", "<c><p>1</p></c><!--"])
def test_a_tag_without_end_is_refused(
    tmp_path: Path, begin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parser keeps it, and begins anew with every block: 32 MiB took eleven seconds."""
    monkeypatch.setattr(elements, "MAX_TAG", 150_000)
    with pytest.raises(CatalogError, match="a tag or a comment of more than"):
        found(tmp_path, begin + "x" * 400_000)
    shorter = f"<c><!--{'x' * 100_000}--><p k='{'y' * 100_000}'>1</p>{'<p>2</p>' * 90_000}</c>"
    assert len(found(tmp_path, shorter)) == 90_001


def test_attributes_that_a_document_type_fills_in_are_few(tmp_path: Path) -> None:
    """Each element has them: four bytes of a document would be read for milliseconds."""
    some = "<!DOCTYPE c [<!ATTLIST p k CDATA 'v' l CDATA #IMPLIED>]><c><p/></c>"
    (element,) = found(tmp_path, some)
    assert isinstance(element, XmlElement)
    assert element.attributes == {"k": "v"}
    many = "".join(f" a{number} CDATA 'v'" for number in range(2_000))
    with pytest.raises(CatalogError, match="fills in attributes"):
        found(tmp_path, f"<!DOCTYPE c [<!ATTLIST p{many}>]><c><p/></c>")


def test_a_namespace_is_short(tmp_path: Path) -> None:
    """Every name in it has it before it, and is a text of its own."""
    with pytest.raises(CatalogError, match="a namespace of more than 512"):
        found(tmp_path, f"<c xmlns='{'u' * 600}'><p/></c>")


def test_a_document_type_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    text = '<!DOCTYPE c SYSTEM "https://shop.example/x.dtd"><c><p>&eacute;&amp;&none;</p></c>'
    assert names(found(tmp_path, text)) == [("p", "é&&none;", 1)]


def test_depth_is_bounded(tmp_path: Path) -> None:
    deep = MAX_DEPTH - 1
    assert len(found(tmp_path, "<c>" + "<p>" * deep + "</p>" * deep + "</c>")) == 1
    with pytest.raises(CatalogError, match="levels deep"):
        found(tmp_path, "<c>" + "<p>" * (deep + 1))


@pytest.mark.parametrize(
    "content",
    [
        "x" * (MAX_CHARACTERS + 1),
        "<x/>" * (MAX_ELEMENTS + 1),
        f"<x a='{'y' * MAX_CHARACTERS}'/>",
        "<q><r>" + "z" * (MAX_CHARACTERS + 1) + "</r></q>",
    ],
    ids=["text", "elements", "attribute", "inside"],
)
def test_what_is_too_large_is_rejected_alone(tmp_path: Path, content: str) -> None:
    text = f"<c><p>1</p>\n<p>{content}</p>\n<p>2</p></c>"
    first, large, last = found(tmp_path, text)
    assert names([first, last]) == [("p", "1", 1), ("p", "2", 3)]
    assert isinstance(large, RejectedRow)
    assert (large.line, large.raw) == (2, "<p>")


def test_encodings_of_one_byte_are_read_as_declared(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="windows-1251"?><c><p>чай</p></c>'
    assert names(found(tmp_path, text.encode("cp1251"))) == [("p", "чай", 1)]
    assert names(found(tmp_path, "<c><p>чай</p></c>".encode("utf-16"))) == [("p", "чай", 1)]
    with pytest.raises(CatalogError, match="encoding"):
        found(tmp_path, '<?xml version="1.0" encoding="shift_jis"?><c/>')


def test_the_beginning_of_a_file_is_enough_to_sniff() -> None:
    head = b"\n<?xml version='1.0'?><c xmlns='u'><d/><e><f"
    assert [element.name for element in sniffed_elements(head)] == ["u c", "u d", "u e"]
    assert sniffed_elements(b"no,xml") == []
    assert sniffed_elements(b"<a><b></a><c/>")[0].name == "a"
