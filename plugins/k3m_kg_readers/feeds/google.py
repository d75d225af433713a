"""Google Merchant Center's product data: tab-separated text, RSS 2.0 and Atom.

Meta's and Pinterest's product feeds have the same names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from k3m_kg.api import (
    CatalogRecord,
    Confidence,
    DelimitedTable,
    ProductRecord,
    RejectedRow,
    XmlElement,
    html_to_text,
    open_bytes,
    raw_text,
    sniffed_elements,
    xml_elements,
)
from k3m_kg_readers.tables.dialect import SURE, TableDialect, refuse_mapping, split

_NAMESPACES = ("http://base.google.com/ns/1.0", "http://base.google.com/ns/1.0/")
_ITEMS = frozenset(("item", "entry"))
_PICTURES = ("image_link", "additional_image_link")
_SHOP = frozenset(
    [
        "link", "mobile_link", "canonical_link", "ads_redirect", "adwords_redirect", "availability",
        "availability_date", "expiration_date", "disclosure_date", "sale_price_effective_date",
        "cost_of_goods_sold", "auto_pricing_min_price", "maximum_retail_price", "installment",
        "subscription_cost", "loyalty_points", "loyalty_program", "shipping", "shipping_label",
        "shipping_weight", "shipping_length", "shipping_width", "shipping_height",
        "ships_from_country", "max_handling_time", "min_handling_time", "transit_time_label",
        "free_shipping_threshold", "tax", "tax_category", "promotion_id", "excluded_destination",
        "included_destination", "shopping_ads_excluded_country", "pause", "identifier_exists",
        "quantity", "quantity_to_sell_on_facebook", "inventory", "pickup_method", "pickup_sla",
        "link_template", "mobile_link_template", "external_seller_id", "published", "updated",
        "pubdate", "guid", "rss_only", "status", "video_link", "lifestyle_image_link",
        "virtual_model_link", "return_policy_label", "video",
    ]
)  # fmt: skip
"""Attributes that steer offers, delivery and advertising."""
_ONCE = frozenset(("id", "title", "product_type"))
_PROPERTY, _NOT_READ, _OF_ITS_OWN = "property", "not read", "of its own"
_MARKS = {"image_link", "availability", "google_product_category", "item_group_id"}
_MARKS |= {"additional_image_link", "product_type", "identifier_exists"}


Sections = dict[tuple[str, str], str]
"""Of details, which are a name and a value, the section."""


class GoogleMerchantReader(TableDialect):
    """Reads product data in each of the three forms that Merchant Center takes."""

    name = "google-merchant"
    rows_to_header = 3  # Meta's template has a row above it

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if it is a feed with the namespace of Google, or has its names of columns."""
        elements = sniffed_elements(head)
        if elements:
            root = elements[0].local_name
            fits = root in ("rss", "feed", "RDF") and any(map(_is_googles, elements))
            return SURE if fits else Confidence.NONE
        return super().sniff(path, head)

    def is_header(self, names: Sequence[str]) -> bool:
        """An id, a title, and at least two attributes that only such data has."""
        found = {_attribute(name) for name in names}
        return {"id", "title", "image_link"} <= found and len(found & _MARKS) > 1

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; one that is none is rejected alone.

        Raises:
            CatalogError: the file cannot be read, or is neither such a table nor such a feed.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self.name, mapping)
        if not begins_as_xml(path):
            yield from super().read(path, mapping)
            return
        for item in xml_elements(path, _ITEMS):
            yield item if isinstance(item, RejectedRow) else _item(item)

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The id."""
        return [place for place, name in enumerate(names) if _attribute(name) == "id"]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """A row is a product."""
        names = [_attribute(name) for name in table.header]
        for row in table:
            if isinstance(row, RejectedRow):
                yield row
                continue
            pairs = [
                (name, cell) for name, cell in zip(names, row.cells, strict=True) if cell and name
            ]
            record = _record(pairs, row.line, ",")
            yield table.rejected(row, record) if isinstance(record, str) else record


def begins_as_xml(path: Path) -> bool:
    """Whether the first element of XML can be found in the file."""
    with open_bytes(path) as file:
        return bool(sniffed_elements(file.read(1 << 16), 1))


def names_in(path: Path, reader: GoogleMerchantReader) -> frozenset[str]:
    """The names of the attributes in the header of a table; none of a feed."""
    if begins_as_xml(path):
        return frozenset()
    with reader.opened(path) as table:
        return frozenset(map(_attribute, table.header)) - {"product_detail"}


def sections_in(path: Path, reader: GoogleMerchantReader) -> Iterator[tuple[str, Sections]]:
    """The ids of products with details in sections, and the sections, which no record has."""
    if begins_as_xml(path):
        for item in xml_elements(path, _ITEMS):
            if not isinstance(item, RejectedRow) and (found := _sections(item)):
                yield from ((part.text, found) for part in item.children if part.local_name == "id")
        return
    with reader.opened(path) as table:
        names = [_attribute(name) for name in table.header]
        if "product_detail" not in names:
            return
        id_, detail = names.index("id"), names.index("product_detail")
        for row in table:
            if not isinstance(row, RejectedRow):
                cells = (cell.split(":", 2) for cell in split(row.cells[detail]))
                parts = ([text.strip() for text in cell] for cell in cells)
                found = {(one[1], one[2]): one[0] for one in parts if len(one) == 3 and one[0]}
                if found:
                    yield row.cells[id_], found


def _sections(item: XmlElement) -> Sections:
    found: Sections = {}
    for child in item.children:
        parts = {part.local_name: part.text for part in child.children}
        if child.local_name == "product_detail" and (section := parts.get("section_name")):
            name, value = parts.get("attribute_name", ""), parts.get("attribute_value", "")
            found[name, value] = section
    return found


def _is_googles(element: XmlElement) -> bool:
    return _of_google(element.name)


@lru_cache(maxsize=1000)
def _of_google(name: str) -> bool:
    return name.partition(" ")[0] in _NAMESPACES


def _attribute(name: str) -> str:
    """`Image Link`, `image link` and `g:image_link` are `image_link`, Meta's `style[0]` `style`."""
    return name.lower().strip().removeprefix("g:").replace(" ", "_").partition("[")[0]


def _item(item: XmlElement) -> CatalogRecord:
    """The product of an element: where RSS and Google both have a name, Google's counts."""
    googles: list[XmlElement] = []
    others: list[XmlElement] = []
    for child in item.children:
        (googles if _of_google(child.name) else others).append(child)
    if others:
        names = {child.local_name for child in googles}
        googles += [child for child in others if child.local_name not in names]
    pairs: list[tuple[str, str]] = []
    for child in googles:
        if child.children:
            pairs += _pairs(child)
        elif text := child.text:
            pairs.append((child.local_name, text))
    record = _record(pairs, item.line, None)
    if isinstance(record, str):
        return RejectedRow(item.line, record, raw_text("; ".join(map(": ".join, pairs))))
    return record


def _pairs(child: XmlElement) -> Iterator[tuple[str, str]]:
    """What an element with others in it says."""
    name = child.local_name
    if name == "product_detail":
        parts = {part.local_name: part.text for part in child.children}
        if parts.get("attribute_name") and parts.get("attribute_value"):
            yield f"\0{parts['attribute_name']}", parts["attribute_value"]
    elif name not in _SHOP:
        for part in child.children:
            if part.text:
                yield f"{name}.{part.local_name}", part.text


def _record(
    pairs: Sequence[tuple[str, str]], line: int, between: str | None
) -> ProductRecord | str:
    """The product of attributes and values, or why there is none.

    `between` is what separates several values where a name is given once; a name that begins with
    NUL is that of an attribute of the shop's own.
    """
    first: dict[str, str] = {}
    properties: list[tuple[str, str]] = []
    pictures: list[str] = []
    for name, value in pairs:
        if (role := _role(name)) == _PROPERTY:  # most are
            properties.append((name, value))
        elif role == _NOT_READ:
            continue
        elif name in _ONCE:
            if name not in first:
                first[name] = value
            else:
                properties.append((name, value))
        elif name in _PICTURES:
            parts = split(value, between) if between and name != "image_link" else [value]
            pictures[:] = pictures + parts if name != "image_link" else parts + pictures
        elif name == "product_detail":
            properties += _details(value)
        elif name == "description":
            properties.append((name, html_to_text(value)))
        else:
            properties.append((name.lstrip("\0"), value))
    if "id" not in first:
        return "no id"
    return ProductRecord(
        first["id"],
        first.get("title"),
        first.get("product_type"),
        tuple(dict.fromkeys(pictures)),
        tuple(dict.fromkeys([pair for pair in properties if pair[0] and pair[1]])),
        line,
    )


@lru_cache(maxsize=10_000)
def _role(name: str) -> str:
    """What is made of an attribute: a plain property, nothing, or something of its own."""
    if name in _SHOP or name.startswith(("custom_label_", "custom_number_")):
        return _NOT_READ
    if name in (*_ONCE, *_PICTURES, "product_detail", "description") or name.startswith("\0"):
        return _OF_ITS_OWN
    return _PROPERTY


def _details(cell: str) -> Iterator[tuple[str, str]]:
    """`Section:Name:Value` of a table, several between commas."""
    for detail in split(cell):
        parts = [part.strip() for part in detail.split(":", 2)]
        if len(parts) == 3 and parts[1] and parts[2]:
            yield parts[1], parts[2]
        else:
            yield "product_detail", detail
