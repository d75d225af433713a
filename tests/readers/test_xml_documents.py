"""Any XML document by a mapping."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError, MappingNeeded
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.xml.documents import XmlDocumentReader
from k3m_kg.records import Note, ProductRecord, RejectedRow

OFFERS = """<?xml version="1.0"?>
<shop xmlns="http://shop.example/ns"><about><name>S</name></about>
<offer id="12" stock="3"><name>Mug</name><picture>a.jpg</picture><picture>b.jpg</picture>
  <group>mugs</group><param name="Colour">red</param><param name="Height" unit="cm">9</param>
  <size><w>3</w></size><text xml:lang="de">Becher</text><text xml:lang="en">A mug</text></offer>
<offer id="13"><name>Cup</name><picture>c.jpg</picture><group>cups</group>
  <param name="Colour">blue</param></offer>
<offer><name>no id</name></offer>
</shop>
"""
MAPPING = """
element: offer
id: id
title: name
image: picture
category: group
leave_out: [stock]
"""
FIRST = ProductRecord(
    "12", "Mug", "mugs", ("a.jpg", "b.jpg"),
    (
        ("Colour", "red"), ("Height", "9 cm"), ("size.w", "3"), ("text.de", "Becher"),
        ("text", "A mug"),
    ),
    3,
)  # fmt: skip


def read(folder: Path, content: str | bytes, mapping: str | None = None) -> list:
    path = folder / "shop.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file = None
    if mapping is not None:
        file = folder / "mapping.yaml"
        file.write_text(mapping)
    return list(XmlDocumentReader().read(path, file))


def test_elements_are_products_by_a_mapping(tmp_path: Path) -> None:
    first, second, rejected, note = read(tmp_path, OFFERS, MAPPING)
    assert first == FIRST
    assert (second.id, second.images, second.line) == ("13", ("c.jpg",), 6)
    assert isinstance(rejected, RejectedRow)
    assert rejected.line == 8
    assert "several languages" in note.text
    assert choose_reader(tmp_path / "shop.xml", mapped=True).name == "xml"


def test_the_element_and_the_usual_names_are_guessed_and_that_is_said(tmp_path: Path) -> None:
    note, first, *_ = read(tmp_path, OFFERS)
    assert note == Note(
        "each element 'offer' was taken for a product; `element` in a mapping says which one is"
    )
    assert first.id == "12"
    with pytest.raises(MappingNeeded) as needed:
        read(tmp_path, "<c><w><nr>1</nr><was>Mug</was></w><w><nr>2</nr><was>Cup</was></w></c>")
    assert needed.value.mapping.startswith('element: "w"\n')
    assert needed.value.mapping in str(needed.value)


@pytest.mark.parametrize(
    ("content", "mapping", "error", "said"),
    [
        (OFFERS, MAPPING.replace("element: offer", "element: offers"), CatalogError, "'offer'"),
        (OFFERS, MAPPING.replace("name", "nmae"), ConfigError, "'name'"),
        (OFFERS, MAPPING + "classes: [x]", ConfigError, "`classes` is a setting of RDF"),
        ("<a><b/></a>", None, CatalogError, "looks like a product"),
        ("<a><item><id>1</id></item>", None, CatalogError, "no well-formed XML"),
        (
            '<!DOCTYPE a [<!ENTITY x "xx">]><a><item><id>&x;</id></item></a>',
            "element: item\nid: id", CatalogError, "entities",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_error(
    tmp_path: Path, content: str, mapping: str | None, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        read(tmp_path, content, mapping)


def test_pages_are_no_catalogs(tmp_path: Path) -> None:
    sniff = XmlDocumentReader().sniff
    assert sniff(tmp_path / "a.xml", OFFERS.encode()) > 0
    for page in (b"<html><body/></html>", b"<!DOCTYPE html><html>", b"{}", b"a,b\n1,2"):
        assert sniff(tmp_path / "a.xml", page) == 0
