"""Any XML document by a mapping: the elements that are products, read as JSON Lines are.

An element is an object: its attributes and the elements in it are its fields, by their local
names; several of one name are a list. An element without either is its text, and beside either its
text is `value`: so `<param name="colour" unit="cm">3</param>` is a name, a value and a unit.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from k3m_kg.errors import CatalogError, MappingNeeded, nearest
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.compressed import read_head
from k3m_kg.readers.jsonl import JSONLinesReader
from k3m_kg.readers.mapped.rewritten import Rewritten
from k3m_kg.readers.mapping import load_mapping
from k3m_kg.readers.xml.elements import XmlElement, sniffed_elements, xml_elements
from k3m_kg.records import CatalogRecord, Note, RejectedRow

_HEAD = 1 << 16
_SNIFFED = 2000
_PAGES = frozenset(("html", "svg", "rdf", "sitemapindex", "urlset"))
_USUAL = (
    "product", "products_item", "item", "offer", "article", "artikel", "produkt", "prod", "entry",
    "shopitem", "o", "record", "row", "sku",
)  # fmt: skip
"""What shops call the element of a product."""
_TEXT = "value"


class XmlDocumentReader:
    """Reads XML documents; nothing is fetched, no entity is declared."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Possible for any XML that is no page: others know their own documents better."""
        elements = sniffed_elements(head, 1)
        if not elements or elements[0].local_name.lower() in _PAGES:
            return Confidence.NONE
        return Confidence.POSSIBLE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; one that has no id is rejected alone.

        Raises:
            CatalogError: the file cannot be read, is no XML within bounds, or has no such element.
            MappingNeeded: there is no mapping, and the usual names are not in it.
            ConfigError: the mapping does not fit it.
        """
        element = load_mapping(mapping).element if mapping is not None else None
        if element is None:
            element = _repeated(path)
            yield Note(
                f"each element {element!r} was taken for a product; `element` in a mapping says "
                "which one is"
            )
        with Rewritten(path, ".jsonl") as lines:
            for found in xml_elements(path, [element]):
                if isinstance(found, RejectedRow):
                    lines.rejected.append(found)
                    continue
                tree = element_tree(found)
                tree = tree if isinstance(tree, dict) else {_TEXT: tree}
                lines.add(json.dumps(tree, ensure_ascii=False) + "\n", found.line)
            if not len(lines) and not lines.rejected:
                raise _no_such(path, element)
            try:
                yield from lines.read(JSONLinesReader("xml", own=("element",)), mapping)
            except MappingNeeded as needed:
                raise MappingNeeded(
                    needed.message,
                    where=needed.where,
                    mapping=f"element: {json.dumps(element)}\n{needed.mapping}",
                ) from None


def element_tree(element: XmlElement) -> dict[str, Any] | str:
    """An element as an object, or as its text."""
    if not element.children and not element.attributes:
        return element.text
    tree: dict[str, Any] = {}
    for name, value in element.attributes.items():
        _add(tree, name.rpartition(" ")[2].rpartition(":")[2], value)
    for child in element.children:
        _add(tree, child.local_name, element_tree(child))
    if text := element.text:
        _add(tree, _TEXT, text)
    return tree


def _add(tree: dict[str, Any], name: str, value: Any) -> None:
    if name not in tree:
        # In a list an object may be a name and a value, or a text in a language.
        tree[name] = [value] if isinstance(value, dict) and _TEXT in value else value
    elif isinstance(tree[name], list):
        tree[name].append(value)
    else:
        tree[name] = [tree[name], value]


def _repeated(path: Path) -> str:
    """The element that seems to be a product.

    Raises:
        CatalogError: none does.
    """
    names = [found.local_name for found in sniffed_elements(read_head(path, _HEAD), _SNIFFED)]
    usual = {name.lower(): name for name in reversed(names[1:])}
    for name in _USUAL:
        if name in usual:
            return usual[name]
    for name, count in Counter(names[1:]).items():
        if count > 1:
            return name
    raise CatalogError(
        "no element of this document looks like a product",
        where=str(path),
        hint=f"name it in a mapping file, `element: NAME`; elements: {_listed(names)}",
    )


def _no_such(path: Path, element: str) -> CatalogError:
    names = [found.local_name for found in sniffed_elements(read_head(path, _HEAD), _SNIFFED)]
    guess = nearest(element, list(dict.fromkeys(names)))
    return CatalogError(
        f"there is no element {element!r} in this document"
        + (f"; did you mean {guess!r}?" if guess else ""),
        where=str(path),
        hint=f"its first elements: {_listed(names)}",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))[:500]
