"""What the dialects of JSON Lines have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from k3m_kg.api import (
    CatalogRecord,
    Confidence,
    ProductRecord,
    RejectedRow,
    json_lines,
    unstorable,
)
from k3m_kg_readers.documents.xml import unique
from k3m_kg_readers.tables.dialect import SURE, refuse_mapping


class LinesDialect(ABC):
    """A reader of JSON Lines that knows its files by the keys of the first line."""

    name: ClassVar[str]
    marks: ClassVar[frozenset[str]]
    """Keys that only such lines have; two of them tell the format."""
    id_key: ClassVar[str]
    """Of what names the product."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if two of the format's own keys are in the first line."""
        first = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
        if not first.startswith(b"{"):
            return Confidence.NONE
        found = sum(f'"{mark}"'.encode() in first for mark in self.marks)
        return SURE if found > 1 else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a line that is none is rejected alone.

        Raises:
            CatalogError: the file cannot be read.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self.name, mapping)
        for line in json_lines(path):
            if isinstance(line, RejectedRow):
                yield line
                continue
            found = self.product(line.tree, line.line)
            if isinstance(found, ProductRecord):
                # Only what is written as an escape can be more than a text may hold.
                why = _unstorable(found) if b"\\u" in line.raw else None
                if why is None:
                    yield found
                    continue
                found = why
            yield replace(line.rejected(found), id=text(line.tree.get(self.id_key)) or None)

    @abstractmethod
    def product(self, tree: dict[str, Any], line: int) -> ProductRecord | str:
        """The product of an object, or why it is none."""


def _unstorable(found: ProductRecord) -> str | None:
    texts = [found.id, found.title or "", found.category or "", *found.images]
    return unstorable([*texts, *(text for pair in found.properties for text in pair)])


def text(value: Any) -> str:
    """A scalar as text without surrounding blanks; empty for what is missing or no scalar."""
    if type(value) is str:  # most are: numbers too
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    return ""


def record(
    id_: str,
    title: str,
    category: str,
    pictures: list[str],
    properties: list[tuple[str, str]],
    line: int,
) -> ProductRecord:
    """A product of texts."""
    return ProductRecord(
        id_,
        title or None,
        category or None,
        tuple(dict.fromkeys(filter(None, pictures))),
        unique([(name.strip(), value) for name, value in properties]),
        line,
    )
