"""BMEcat 1.2 and 2005, the exchange format of industry and its wholesale.

Features are properties by their names, with their units; several texts of one kind in several
languages are kept apart, the first one has the plain name. Groups of the catalog are categories:
which product is in which stands behind the products, which are kept on the disk until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from k3m_kg.api import (
    CatalogRecord,
    ProductRecord,
    RejectedRow,
    XmlElement,
    html_to_text,
    path_from_top,
    scratch_database,
    xml_elements,
)
from k3m_kg_readers.documents.kept import KeptRecords
from k3m_kg_readers.documents.xml import XmlDialect, unique

_GROUPS = frozenset(
    ["CATALOG_STRUCTURE", "ARTICLE_TO_CATALOGGROUP_MAP", "PRODUCT_TO_CATALOGGROUP_MAP"]
)
_TABLES = """
CREATE TABLE structure (id TEXT PRIMARY KEY, parent TEXT, name TEXT, is_root INTEGER);
CREATE TABLE members (product TEXT, place INTEGER, category TEXT, PRIMARY KEY (product, place))
    WITHOUT ROWID;
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
_AT_ONCE = 500
"""Products of groups that are written together."""


class BMEcatReader(XmlDialect):
    """Reads the articles or products of a BMEcat document."""

    name = "bmecat"
    products = frozenset(["ARTICLE", "PRODUCT"])

    def is_document(self, elements: Sequence[XmlElement]) -> bool:
        """Its outermost element says so."""
        return elements[0].local_name == "BMECAT"

    def records(self, path: Path) -> Iterator[CatalogRecord]:
        """The products of a document with their categories, in order."""
        with closing(_Groups()) as groups, KeptRecords() as kept:
            for element in xml_elements(path, self.products | _GROUPS):
                if isinstance(element, RejectedRow):
                    kept.add(element)
                elif element.local_name in _GROUPS:
                    groups.add(element)
                else:
                    kept.add(self.record(element))
            for record in kept:
                if isinstance(record, ProductRecord) and (paths := groups.paths(record.id)):
                    yield _in_categories(record, paths)
                else:
                    yield record

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
        for features in (*element.all("ARTICLE_FEATURES"), *element.all("PRODUCT_FEATURES")):
            properties += _features(features)
        return ProductRecord(
            id_,
            texts[0].text if texts else None,
            None,
            _pictures(element),
            unique(properties),
            element.line,
            unique(_links(element)),
        )


class _Groups:
    """The groups of a catalog, and which products are in them, on the disk."""

    def __init__(self) -> None:
        self._database = scratch_database(_TABLES)
        self._count = 0
        self._members: list[tuple[str, int, str]] = []
        self._path = lru_cache(maxsize=10_000)(self._path_of)

    def add(self, element: XmlElement) -> None:
        """Learn a group, or that a product is in one."""
        self._count += 1
        if element.local_name == "CATALOG_STRUCTURE":
            group = (
                element.text_of("GROUP_ID"),
                element.text_of("PARENT_ID"),
                element.text_of("GROUP_NAME"),
                element.attributes.get("type") == "root",
            )
            self._database.execute("INSERT OR IGNORE INTO structure VALUES (?, ?, ?, ?)", group)
        else:
            product = element.text_of("ART_ID") or element.text_of("PROD_ID")
            self._members.append((product, self._count, element.text_of("CATALOG_GROUP_ID")))
            if len(self._members) >= _AT_ONCE:
                self._write_members()

    def paths(self, product: str) -> list[str]:
        """The paths of the groups that a product is in, without their root."""
        if self._members:
            self._write_members()
        query = "SELECT category FROM members WHERE product = ? ORDER BY place"
        groups = self._database.execute(query, (product,)).fetchall()
        return list(dict.fromkeys(path for (group,) in groups if (path := self._path(group))))

    def close(self) -> None:
        """Forget them."""
        self._database.close()

    def _write_members(self) -> None:
        self._database.executemany("INSERT INTO members VALUES (?, ?, ?)", self._members)
        self._members.clear()

    def _path_of(self, group: str) -> str:
        query = "SELECT name, parent, is_root FROM structure WHERE id = ?"

        def above(id_: str) -> tuple[str, str | None] | None:
            row = self._database.execute(query, (id_,)).fetchone()
            if row is None or (row[2] and id_ != group):
                return None
            return row[0], row[1] or None

        return path_from_top(group or None, above)


def _in_categories(record: ProductRecord, paths: list[str]) -> ProductRecord:
    others = [("category", path) for path in paths[1:]]
    properties = unique((*record.properties, *others)) if others else record.properties
    return ProductRecord(
        record.id, record.title, paths[0], record.images, properties, record.line, record.links
    )


def _named(name: str, element: XmlElement) -> str:
    language = element.attributes.get("lang", "").strip()
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
            yield child.attributes.get("type", "gtin").strip().upper(), text
            continue
        shown = _DETAILS.get(name, name)
        language = child.attributes.get("lang", "").strip()
        same = languages.setdefault(name, language) == language
        yield (shown if same else _named(shown, child)), text


def _features(features: XmlElement) -> Iterator[tuple[str, str]]:
    system = features.text_of("REFERENCE_FEATURE_SYSTEM_NAME")
    for child in features.children:
        kind = child.local_name
        if kind == "FEATURE":
            yield from _feature(child)
        elif kind in ("REFERENCE_FEATURE_GROUP_ID", "REFERENCE_FEATURE_GROUP_NAME"):
            yield system, child.text


def _feature(feature: XmlElement) -> Iterator[tuple[str, str]]:
    name = other_name = unit = ""
    values = []
    for child in feature.children:
        match child.local_name:
            case "FVALUE":
                values.append(child.text)
            case "FNAME":
                name = name or child.text
            case "FUNIT":
                unit = unit or child.text
            case "FT_IDREF":
                other_name = other_name or child.text
            case "VARIANTS":
                values += [one.text_of("VVALUE") for one in child.children]
    for value in values:
        if value and value != "-":
            yield name or other_name, f"{value} {unit}" if unit else value


def _pictures(element: XmlElement) -> tuple[str, ...]:
    """Pictures of the product in their order, small ones last."""
    found = []
    info = element.first("MIME_INFO") or element.first("ARTICLE_DETAILS", "MIME_INFO")
    for number, mime in enumerate(info.all("MIME") if info else ()):
        said = {child.local_name: child.text for child in reversed(mime.children)}
        source, purpose = said.get("MIME_SOURCE", ""), said.get("MIME_PURPOSE", "")
        kind = said.get("MIME_TYPE", "").lower()
        is_picture = kind.startswith("image/") or source.lower().endswith(_PICTURE_ENDINGS)
        if source and is_picture and purpose not in _NO_PICTURES:
            order = said.get("MIME_ORDER", "")
            place = int(order) if order.isdecimal() and len(order) < 10 else number
            found.append((purpose == "thumbnail", place, number, source))
    return tuple(dict.fromkeys([source for *_, source in sorted(found)]))


def _links(element: XmlElement) -> Iterator[tuple[str, str]]:
    for child in element.children:
        if child.local_name in ("ARTICLE_REFERENCE", "PRODUCT_REFERENCE"):
            kind = child.attributes.get("type", "").replace("_", " ").strip()
            yield kind or "others", child.text_of("ART_ID_TO") or child.text_of("PROD_ID_TO")
