"""What is read in less time is what the careful parser and the general way read."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, K3MError
from k3m_kg.readers.mapped.products import Products
from k3m_kg.readers.xml import documents, plain_trees, whole_elements
from k3m_kg.readers.xml.documents import XmlDocumentReader
from k3m_kg.readers.xml.elements import MAX_DEPTH, MAX_NAMESPACE, XmlElement, parsed
from k3m_kg.readers.xml.trees import _Trees, xml_trees
from k3m_kg.records import RejectedRow

_TEXTS = (
    "red", " a b ", "", "\n  ", "5", "é", "&lt;p&gt;", "&nbsp;", "<![CDATA[<p>x</p> ]]>", "N/A",
    "<!-- <p> -->", "<?x <p ?>", "a\r\nb", "\r", "&eacute;x", "1.5E+12",
)  # fmt: skip
_ATTRIBUTES = (
    "", "", "", " name='Colour'", " name='Size' unit='cm'", " xml:lang='de'", " xml:lang='en'",
    " url='a>b.jpg'", " name=''", " g:name='Fit'", " type='x' value='7'", " lang='xx yy'",
    "\n code='é'", " xmlns:h='urn:h'",
)  # fmt: skip
_NAMES = ("param", "param", "title", "picture", "text", "g:param", "size", "value", "id", "p")

_BEGINS = (
    "", "\n", "<?xml version='1.0'?>\n", "<!-- <p> -->\r\n",
    "<?xml version='1.0'?>\r\n<!-- <p> -->\n<!DOCTYPE c SYSTEM 'x'>\n",
    "<!DOCTYPE c PUBLIC '-//>' \n 'x>y.dtd' ><!-- > -->",
)  # fmt: skip


def _element(generator: random.Random, depth: int) -> str:
    name = generator.choice(_NAMES)
    attributes = generator.choice(_ATTRIBUTES)
    content = generator.choice(_TEXTS)
    if depth < 3 and generator.random() < 0.15:
        content += "".join(_element(generator, depth + 1) for _ in range(generator.randrange(3)))
        content += generator.choice(_TEXTS)
    if not content and generator.random() < 0.5:
        return f"<{name}{attributes}/>"
    return f"<{name}{attributes}>{content}</{name}\n>"


def _document(generator: random.Random) -> bytes:
    begin = generator.choice(_BEGINS)
    parts = [begin, "<c xmlns:g='https://ns.example/'>"]
    for number in range(generator.randrange(12)):
        mark = generator.choice(("<p ", "<p id='{n}' ", "<g:p k='1>2' ", "<other "))
        mark = mark.format(n=number).rstrip() + generator.choice(("", " available='yes'"))
        name = mark[1:].split()[0]
        inner = "".join(_element(generator, 0) for _ in range(generator.randrange(7)))
        parts.append(f"{mark}>{inner}</{name}>{generator.choice(('', chr(10), '<!-- <p -->'))}")
    parts.append(generator.choice(("</c>", "</c>", "</c>\n<!-- end -->", "", "<p>&amp</p></c>")))
    return "".join(parts).encode()


def _careful(path: Path) -> list[object]:
    found: list[object] = []
    try:
        for row in parsed(path, _Trees(frozenset(["p"]), namespaces=True)):
            found.append((row.line, row.tree))
    except CatalogError as error:
        found.append(str(error))
    return found


def _whole_found(path: Path, parts: Iterator[XmlElement | RejectedRow]) -> list[object]:
    def shown(element: XmlElement) -> object:
        children = [shown(child) for child in element.children]
        named = (element.name, element.local_name, element.attributes, element.text, element.line)
        return named, children

    found: list[object] = []
    try:
        found += (shown(part) for part in parts if isinstance(part, XmlElement))
    except CatalogError as error:
        found.append(str(error))
    return found


def test_whole_elements_are_those_of_the_careful_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "document.xml"
    wanted = frozenset(["p", "title"])
    for number in range(2000, 2120):
        generator = random.Random(number)
        monkeypatch.setattr(plain_trees, "BLOCK", generator.choice((400, 1 << 16)))
        path.write_bytes(content := _document(generator))
        careful = _whole_found(path, parsed(path, whole_elements._Elements(wanted, True)))
        assert _whole_found(path, whole_elements.xml_elements(path, wanted)) == careful, content


def test_trees_and_lines_are_those_of_the_careful_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "document.xml"
    plain = 0
    for number in range(120):
        generator = random.Random(number)
        content = _document(generator)
        monkeypatch.setattr(plain_trees, "BLOCK", generator.choice((90, 300, 1 << 16)))
        path.write_bytes(content)
        found: list[object] = []
        try:
            for row in plain_trees.plain_trees(path, ["p"]):
                found.append((row.line, row.tree))
            plain += 1
        except plain_trees.OddDocumentError:
            assert _careful(path)[: len(found)] == found, content
        else:
            assert found == _careful(path), content
        whole: list[object] = []
        try:
            for row in xml_trees(path, ["p"]):
                whole.append((row.line, row.tree))
        except CatalogError as error:
            whole.append(str(error))
        assert whole == _careful(path), content
    assert plain > 50, "most documents are plain"


@pytest.mark.parametrize(
    "mapping",
    [
        "element: p\nid: id\ntitle: title\nimage: [picture, picture.url]\noptional: ['*']\n",
        "element: p\nid: value\ncategory: text\nlinks: {size: fits}\nmissing: [N/A]\n"
        "rename: {Colour: Farbe}\nseparators: {param: ' '}\noptional: ['*']\nleave_out: [lang]\n",
    ],
)
def test_records_are_those_of_the_general_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapping: str
) -> None:
    path, file = tmp_path / "document.xml", tmp_path / "mapping.yaml"
    file.write_text(mapping)

    def read() -> list[object]:
        try:
            return list(XmlDocumentReader().read(path, file))
        except K3MError as error:
            return [error.message]

    contents = [_document(random.Random(number)) for number in range(1000, 1080)]
    quick = []
    for content in contents:
        path.write_bytes(content)
        quick.append(read())
    monkeypatch.setattr(Products, "_of_plain", lambda *_: None)
    monkeypatch.setattr(documents, "_of_flat", lambda plans: lambda row: None)
    for content, records in zip(contents, quick, strict=True):
        path.write_bytes(content)
        assert records == read(), content


@pytest.mark.parametrize(
    "content",
    [
        "<!DOCTYPE c [<!ENTITY a 'b'>]><c><p>&a;</p></c>",
        "<!DOCTYPE c><c><p/></c>",
        "<!DOCTYPE c SYSTEM 'x.dtd' [ ]><c><p/></c>",
        "<?xml version='1.0' encoding='utf-16'?><c><p/></c>",
        "<c xmlns='" + "u" * (MAX_NAMESPACE + 1) + "'><p/></c>",
        "<c><p>" + "<q>" * MAX_DEPTH + "</q>" * MAX_DEPTH + "</p></c>",
        "<c>" + "<q>" * 200_000,
        "<c><p>" + "<q>" * 200_000,
        "<c><p>" + "<q/>" * 200_000 + "</p></c>",
        "<c>" + " x" * 400_000 + "</c>",
        "<c><p k='" + "x" * 400_000 + "'/></c>",
        "<c><!--" + "x" * 400_000 + "--></c>",
        "<c><p>&none;</p></c>",
        "<c><p></c>",
        "c",
    ],
    ids=lambda content: content[:40],
)
def test_what_is_not_plain_is_left_to_the_careful_parser(tmp_path: Path, content: str) -> None:
    path = tmp_path / "document.xml"
    path.write_text(content)
    with pytest.raises(plain_trees.OddDocumentError):
        list(plain_trees.plain_trees(path, ["p"]))


def test_a_wanted_element_in_one_has_no_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "document.xml"
    path.write_text("<c>\n<p>\n<q>\n<p/></q></p>\n<p/>\n</c>")
    assert [row.line for row in plain_trees.plain_trees(path, ["p"])] == [2, 5]
