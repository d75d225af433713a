"""BMEcat 1.2 and 2005, the exchange format of industry and its wholesale.

Features are properties by their names, with their units; several texts of one kind in several
languages are kept apart, the first one has the plain name. Groups of the catalog are categories:
which product is in which stands behind the products, so the document is read twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from k3m_kg.api import ProductRecord, RejectedRow, XmlElement, html_to_text, xml_elements
from k3m_kg_readers.documents.xml import XmlDialect, unique

_GROUPS = frozenset(
    ["CATALOG_STRUCTURE", "ARTICLE_TO_CATALOGGROUP_MAP", "PRODUCT_TO_CATALOGGROUP_MAP"]
)
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE structure (id TEXT PRIMARY KEY, parent TEXT, name TEXT, is_root INTEGER);
CREATE TABLE members (product TEXT, line INTEGER, category TEXT, PRIMARY KEY (product, line));
"""
_DETAILS = {
    "DESCRIPTION_LONG": "description",
    "MANUFACTURER_NAME": "manufacturer",
    "MANUFACTURER_AID": "manufacturer article number",
    "MANUFACTURER_PID": "manufacturer article number",
    "MANUFACTURER_TYPE_DESCR": "manufacturer type",
    "KEYWORD": "keyword",
    "SUPPLIER_ALT_AID": "alternative article number",
    "SUPPLIER_ALT_PID": "alternative article number",
}
_NOT_READ = frozenset(["DESCRIPTION_SHORT", "DELIVERY_TIME", "BUYER_AID", "BUYER_PID"])
_NO_PICTURES = frozenset(["logo", "icon", "data_sheet"])
_PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff", ".bmp")
_LEVELS = 30


class BMEcatReader(XmlDialect):
    """Reads the articles or products of a BMEcat document."""

    name = "bmecat"
    products = frozenset(["ARTICLE", "PRODUCT"])

    def __init__(self) -> None:
        self._groups: sqlite3.Connection | None = None

    def is_document(self, elements: Sequence[XmlElement]) -> bool:
        """Its outermost element says so."""
        return elements[0].local_name == "BMECAT"

    def prepare(self, path: Path) -> None:
        """Learn the groups of the catalog, and which products are in them."""
        self._groups = groups = sqlite3.connect("", isolation_level=None)
        groups.executescript(_TABLES)
        for element in xml_elements(path, _GROUPS):
            if isinstance(element, RejectedRow):
                continue  # it is told when the products are read
            if element.local_name == "CATALOG_STRUCTURE":
                values = (
                    element.text_of("GROUP_ID"),
                    element.text_of("PARENT_ID"),
                    element.text_of("GROUP_NAME"),
                    element.attributes.get("type") == "root",
                )
                groups.execute("INSERT OR IGNORE INTO structure VALUES (?, ?, ?, ?)", values)
            else:
                product = element.text_of("ART_ID") or element.text_of("PROD_ID")
                group = element.text_of("CATALOG_GROUP_ID")
                groups.execute(
                    "INSERT OR IGNORE INTO members VALUES (?, ?, ?)", (product, element.line, group)
                )

    def product(self, element: XmlElement) -> ProductRecord | str:
        """The product of an element, or why it is none."""
        id_ = element.text_of("SUPPLIER_AID") or element.text_of("SUPPLIER_PID")
        if not id_:
            return "no SUPPLIER_AID or SUPPLIER_PID"
        if element.attributes.get("mode") == "delete":
            return f"says that the product {id_!r} is to be deleted"
        details = element.first("ARTICLE_DETAILS") or element.first("PRODUCT_DETAILS")
        texts = details.all("DESCRIPTION_SHORT") if details else []
        texts = [text for text in texts if text.text]
        properties = [(_named("title", text), text.text) for text in texts[1:]]
        properties += _details(details) if details else ()
        categories = self._categories(id_)
        for features in (*element.all("ARTICLE_FEATURES"), *element.all("PRODUCT_FEATURES")):
            properties += _features(features)
        properties += (("category", path) for path in categories[1:])
        return ProductRecord(
            id_,
            texts[0].text if texts else None,
            categories[0] if categories else None,
            _pictures(element),
            unique(properties),
            element.line,
            unique(_links(element)),
        )

    def _categories(self, product: str) -> list[str]:
        """The paths of the groups that a product is in, without their root."""
        assert self._groups is not None
        query = "SELECT category FROM members WHERE product = ? ORDER BY line"
        found = []
        for (group,) in self._groups.execute(query, (product,)).fetchall():
            path: list[str] = []
            while group and len(path) < _LEVELS:
                query = "SELECT parent, name, is_root FROM structure WHERE id = ?"
                row = self._groups.execute(query, (group,)).fetchone()
                if row is None or (row[2] and path):
                    break
                group = row[0]
                path.insert(0, row[1])
            if path:
                found.append(" > ".join(path))
        return list(dict.fromkeys(found))


def _named(name: str, element: XmlElement) -> str:
    language = element.attributes.get("lang", "")
    return f"{name} ({language})" if language else name


def _details(details: XmlElement) -> Iterator[tuple[str, str]]:
    """What a product's details say; the first text of a kind has the plain name."""
    languages: dict[str, str] = {}
    for child in details.children:
        name = child.local_name
        if name in _NOT_READ or not child.text:
            continue
        text = html_to_text(child.text) if name == "DESCRIPTION_LONG" else child.text
        if name == "INTERNATIONAL_PID":
            yield child.attributes.get("type", "gtin").upper(), text
            continue
        shown = _DETAILS.get(name, name)
        language = child.attributes.get("lang", "")
        same = languages.setdefault(name, language) == language
        yield (shown if same else _named(shown, child)), text


def _features(features: XmlElement) -> Iterator[tuple[str, str]]:
    system = features.text_of("REFERENCE_FEATURE_SYSTEM_NAME")
    for key in ("REFERENCE_FEATURE_GROUP_ID", "REFERENCE_FEATURE_GROUP_NAME"):
        yield system, features.text_of(key)
    for feature in features.all("FEATURE"):
        name = feature.text_of("FNAME") or feature.text_of("FT_IDREF")
        unit = feature.text_of("FUNIT")
        values = [value.text for value in feature.all("FVALUE")]
        variants = feature.first("VARIANTS")
        values += [one.text_of("VVALUE") for one in (variants.children if variants else ())]
        for value in values:
            if value and value != "-":
                yield name, f"{value} {unit}".strip()


def _pictures(element: XmlElement) -> tuple[str, ...]:
    """Pictures of the product in their order, small ones last."""
    found = []
    info = element.first("MIME_INFO") or element.first("ARTICLE_DETAILS", "MIME_INFO")
    for number, mime in enumerate(info.all("MIME") if info else ()):
        source, kind = mime.text_of("MIME_SOURCE"), mime.text_of("MIME_TYPE").lower()
        is_picture = kind.startswith("image/") or source.lower().endswith(_PICTURE_ENDINGS)
        purpose = mime.text_of("MIME_PURPOSE")
        if source and is_picture and purpose not in _NO_PICTURES:
            order = mime.text_of("MIME_ORDER")
            place = int(order) if order.isdecimal() and len(order) < 10 else number
            found.append((purpose == "thumbnail", place, number, source))
    return tuple(dict.fromkeys(source for *_, source in sorted(found)))


def _links(element: XmlElement) -> Iterator[tuple[str, str]]:
    for child in element.children:
        if child.local_name in ("ARTICLE_REFERENCE", "PRODUCT_REFERENCE"):
            kind = child.attributes.get("type", "others").replace("_", " ")
            yield kind, child.text_of("ART_ID_TO") or child.text_of("PROD_ID_TO")
