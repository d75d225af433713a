"""What the dialects of XML have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from k3m_kg.api import (
    CatalogRecord,
    Confidence,
    ProductRecord,
    RejectedRow,
    XmlElement,
    raw_text,
    sniffed_elements,
    xml_elements,
)
from k3m_kg_readers.tables.dialect import SURE, refuse_mapping


class XmlDialect(ABC):
    """A reader of XML documents that knows them by their first elements."""

    name: ClassVar[str]
    products: ClassVar[frozenset[str]]
    """Local names of the elements that are products."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if the document begins as only this format does."""
        elements = sniffed_elements(head)
        return SURE if elements and self.is_document(elements) else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; an element that is none is rejected alone.

        Raises:
            CatalogError: the file cannot be read, or is not well-formed XML within bounds.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self.name, mapping)
        yield from self.records(path)

    def records(self, path: Path) -> Iterator[CatalogRecord]:
        """The products of a document, in order."""
        for element in xml_elements(path, self.products):
            yield element if isinstance(element, RejectedRow) else self.record(element)

    def record(self, element: XmlElement) -> ProductRecord | RejectedRow:
        """The product of an element, or the row that it is rejected as."""
        found = self.product(element)
        if isinstance(found, str):
            return RejectedRow(element.line, found, raw_text(outline(element)))
        return found

    @abstractmethod
    def is_document(self, elements: Sequence[XmlElement]) -> bool:
        """Whether a document whose first elements these are is in this format."""

    @abstractmethod
    def product(self, element: XmlElement) -> ProductRecord | str:
        """The product of an element, or why it is none."""


def outline(element: XmlElement) -> str:
    """The beginning of an element, for a person to find it by."""
    attributes = "".join(f' {name}="{value}"' for name, value in element.attributes.items())
    inside = "".join(f"<{child.local_name}>{child.text}" for child in element.children[:20])
    return f"<{element.local_name}{attributes}>{element.text}{inside}"


def unique(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Pairs of which both are there, each once."""
    return tuple(dict.fromkeys([pair for pair in pairs if pair[0] and pair[1]]))
