"""Icecat's product sheets in XML: features with their units, gallery, related products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from k3m_kg.api import ProductRecord, XmlElement, html_to_text
from k3m_kg_readers.documents.xml import XmlDialect, unique

_ATTRIBUTES = {"Prod_id": "product code", "ReleaseDate": "release date"}
_DESCRIPTIONS = {"LongDesc": "description", "ShortDesc": "short description"}


class IcecatReader(XmlDialect):
    """Reads documents of Icecat's interface, with one product or many."""

    name = "icecat"
    products = frozenset(["Product"])

    def is_document(self, elements: Sequence[XmlElement]) -> bool:
        """Its outermost element says so."""
        return elements[0].local_name == "ICECAT-interface"

    def product(self, element: XmlElement) -> ProductRecord | str:
        """The product of an element, or why it is none."""
        stated = {name: value.strip() for name, value in element.attributes.items()}
        if error := stated.get("ErrorMessage"):
            return f"Icecat says: {error}"
        id_ = stated.get("ID") or stated.get("Prod_id")
        if not id_:
            return "no ID and no Prod_id"
        return ProductRecord(
            id_,
            stated.get("Title") or stated.get("Name") or element.text_of("Title") or None,
            _value(element.first("Category", "Name")) or None,
            _pictures(element, stated),
            unique(_properties(element, stated)),
            element.line,
            unique(_related(element)),
        )


def _value(element: XmlElement | None) -> str:
    """Names stand in an attribute, or in the text."""
    if element is None:
        return ""
    return element.attributes.get("Value", "").strip() or element.text


def _properties(element: XmlElement, stated: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, shown in _ATTRIBUTES.items():
        yield shown, stated.get(name, "")
    for child in element.children:
        name = child.local_name
        if name == "Supplier":
            yield "brand", child.attributes.get("Name", "").strip()
        elif name == "EANCode":
            yield "EAN", child.attributes.get("EAN", "").strip()
        elif name == "ProductFamily":
            yield "product family", _value(child.first("Name"))
        elif name == "ProductDescription":
            for attribute, shown in _DESCRIPTIONS.items():
                text = child.attributes.get(attribute, "").replace("\\n", "<br>")
                yield shown, html_to_text(text)
        elif name == "ProductFeature":
            yield _feature(child)


def _feature(feature: XmlElement) -> tuple[str, str]:
    """Its name, and the value as a person is shown it: with the unit."""
    value = feature.attributes.get("Presentation_Value", "").strip()
    if not value:
        sign = feature.text_of("Feature", "Measure", "Signs", "Sign")
        value = f"{feature.attributes.get('Value', '').strip()} {sign}".strip()
    return _value(feature.first("Feature", "Name")), value


def _pictures(element: XmlElement, stated: dict[str, str]) -> tuple[str, ...]:
    gallery = element.first("ProductGallery")
    pictures = gallery.all("ProductPicture") if gallery else []
    found = [stated.get("HighPic", ""), *(one.attributes.get("Pic", "") for one in pictures)]
    return tuple(dict.fromkeys(url.strip() for url in found if url.strip()))


def _related(element: XmlElement) -> Iterator[tuple[str, str]]:
    for related in element.all("ProductRelated"):
        other = related.first("Product")
        if other is not None:
            ids = [other.attributes.get(name, "").strip() for name in ("ID", "Prod_id")]
            yield "related", ids[0] or ids[1]
