"""Any XML document by a mapping: the elements that are products, read as JSON Lines are.

An element is an object: its attributes and the elements in it are its fields, by their local
names; several of one name are a list. An element without either is its text, and beside either its
text is `value`: so `<param name="colour" unit="cm">3</param>` is a name, a value and a unit.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from k3m_kg.errors import CatalogError, MappingNeeded, nearest
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.compressed import read_head
from k3m_kg.readers.mapped.made import Made
from k3m_kg.readers.mapped.tree_plans import TreePlans
from k3m_kg.readers.mapped.tree_rows import tree_records
from k3m_kg.readers.mapping import load_mapping, refuse_settings_of_others
from k3m_kg.readers.xml.elements import sniffed_elements
from k3m_kg.readers.xml.fields import ElementTree
from k3m_kg.readers.xml.flat_elements import FlatElements
from k3m_kg.readers.xml.trees import xml_trees
from k3m_kg.records import CatalogRecord, Note, RejectedRow

_HEAD = 1 << 16
_SNIFFED = 2000
_PAGES = frozenset(("html", "svg", "rdf", "sitemapindex", "urlset"))
_USUAL = (
    "product", "products_item", "item", "offer", "article", "artikel", "produkt", "prod", "entry",
    "shopitem", "o", "record", "row", "sku",
)  # fmt: skip
"""What shops call the element of a product."""


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
        settings = load_mapping(mapping) if mapping is not None else None
        if settings is not None:
            refuse_settings_of_others(settings, "xml", str(mapping), ("element",))
        element = settings.element if settings is not None else None
        if element is None:
            element = _repeated(path)
            yield Note(
                f"each element {element!r} was taken for a product; `element` in a mapping says "
                "which one is"
            )
        try:
            yield from tree_records(_found(path, element), settings, path, mapping, _of_flat)
        except MappingNeeded as needed:
            raise MappingNeeded(
                needed.message,
                where=needed.where,
                mapping=f"element: {json.dumps(element)}\n{needed.mapping}",
            ) from None


def _found(path: Path, element: str) -> Iterator[ElementTree | RejectedRow]:
    """The elements of that name.

    Raises:
        CatalogError: the file cannot be read, is no XML within bounds, or has no such element.
    """
    found = None
    for found in xml_trees(path, [element]):
        yield found
    if found is None:
        raise _no_such(path, element)


def _of_flat(plans: TreePlans) -> Callable[[ElementTree], Made | None]:
    return FlatElements(plans).made


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
