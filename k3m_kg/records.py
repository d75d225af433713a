"""The plain records that travel between readers, the graph and the snapshot."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """One product as a catalog source states it.

    A missing title or category is None and a missing picture an empty tuple: never an empty
    string. `properties` and `links` keep the order of the source; a property may appear several
    times with different values, exact repeats are dropped by the reader.

    Attributes:
        id: the product's id in its catalog, non-empty.
        title: the product title, or None.
        category: the catalog's own class of the product, or None.
        images: image paths or URLs as written in the source, in order.
        properties: (property, value) pairs, both non-empty.
        line: 1-based line (or row) of the source where the product begins.
        links: (property, id of another product) pairs, such as ("variant of", "SKU-1"). The other
            product need not be stated anywhere.
    """

    id: str
    title: str | None = None
    category: str | None = None
    images: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    line: int = 0
    links: tuple[tuple[str, str], ...] = ()

    def content_hash(self) -> str:
        """SHA-256 (hex) of everything but the line: equal content, equal hash."""
        digest = hashlib.sha256()
        for part in (self.id, self.title, self.category, *self.images):
            digest.update(b"\x00" if part is None else b"\x01" + part.encode())
            digest.update(b"\x1f")
        for name, value in self.properties:
            digest.update(b"\x02" + name.encode() + b"\x1e" + value.encode() + b"\x1f")
        for name, target in self.links:
            digest.update(b"\x03" + name.encode() + b"\x1e" + target.encode() + b"\x1f")
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class ValueRecord:
    """What a source says of a value, such as ("Trousers", "sub-category of", "Clothing").

    Attributes:
        value: the value's text, the same that products have it by, non-empty.
        properties: (property, value) pairs, both non-empty.
        line: 1-based line (or row) of the source where it begins.
    """

    value: str
    properties: tuple[tuple[str, str], ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not become a product: it goes to the quarantine file.

    Attributes:
        line: 1-based line of the source.
        reason: why, in words a catalog engineer can act on.
        raw: the row as read, cut to 2,000 characters.
    """

    line: int
    reason: str
    raw: str


CatalogRecord = ProductRecord | ValueRecord | RejectedRow
"""What a reader's stream holds."""
