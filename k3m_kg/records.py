"""The plain records that travel between readers, the graph and the snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


def _optional(text: str | None) -> str:
    return "\x00\x1f" if text is None else f"\x01{text}\x1f"


def _prefixed(texts: Iterable[str | None]) -> str:
    """Texts with their lengths: no text can look like the end of another."""
    return "".join("\x00" if text is None else f"\x07{len(text)}:{text}" for text in texts)


@dataclass(slots=True, unsafe_hash=True)
class ProductRecord:
    """One product as a catalog source states it.

    It never changes once it is made; its fields are final for the type checker, since a class
    that is frozen when it runs takes four times as long to make.

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

    id: Final[str]
    title: Final[str | None] = None
    category: Final[str | None] = None
    images: Final[tuple[str, ...]] = ()
    properties: Final[tuple[tuple[str, str], ...]] = ()
    line: Final[int] = 0
    links: Final[tuple[tuple[str, str], ...]] = ()

    def content_text(self) -> str:
        """Everything but the line as one text: equal content, equal text."""
        parts = [_optional(self.id), _optional(self.title), _optional(self.category)]
        parts += [f"\x01{image}\x1f" for image in self.images]
        parts += [f"\x02{name}\x1e{value}\x1f" for name, value in self.properties]
        parts += [f"\x03{name}\x1e{target}\x1f" for name, target in self.links]
        text = "".join(parts)
        pairs = len(self.properties) + len(self.links)
        if text.count("\x1f") == len(parts) and text.count("\x1e") == pairs:
            return text
        # A separator within a text: this form is longer, and never the same for two records.
        numbers = f"\x05{len(self.images)},{len(self.properties)}"
        flat = (text for pair in (*self.properties, *self.links) for text in pair)
        return numbers + _prefixed((self.id, self.title, self.category, *self.images, *flat))

    def content_hash(self) -> str:
        """SHA-256 (hex) of `content_text`."""
        return hashlib.sha256(self.content_text().encode()).hexdigest()


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

    def content_text(self) -> str:
        """Everything but the line as one text: equal content, equal text."""
        pairs = [f"\x02{name}\x1e{value}\x1f" for name, value in self.properties]
        text = "".join((f"\x04{self.value}\x1f", *pairs))
        if text.count("\x1f") == len(pairs) + 1 and text.count("\x1e") == len(pairs):
            return text
        flat = (text for pair in self.properties for text in pair)
        return "\x06" + _prefixed((self.value, *flat))

    def content_hash(self) -> str:
        """SHA-256 (hex) of `content_text`."""
        return hashlib.sha256(self.content_text().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not become a product: it goes to the quarantine file.

    Attributes:
        line: 1-based line of the source.
        reason: why, in words a catalog engineer can act on.
        raw: the row as read, cut to 2,000 characters.
        id: the product that it is about, where that can be told. What an earlier version of the
            source stated of it then stays.
    """

    line: int
    reason: str
    raw: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader guessed or left out of a source as a whole, in one sentence for the user.

    It states nothing and is no row: `ingest` shows it with the source's counts.
    """

    text: str


Subject = ProductRecord | ValueRecord
"""A record that states something."""

CatalogRecord = ProductRecord | ValueRecord | RejectedRow | Note
"""What a reader's stream holds."""
