"""Variants and the products that they are variants of, wherever in a file they stand.

A variant takes over from its product what it does not state. The products are kept on the disk, in
a database that goes away with the reading, so that memory does not grow with the file: its one
transaction never ends.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from k3m_kg.api import ProductRecord, scratch_database
from k3m_kg_readers.tables.dialect import inherited

VARIANT_OF = "variant of"
_TABLES = """
CREATE TABLE products (id TEXT PRIMARY KEY, record BLOB) WITHOUT ROWID;
CREATE TABLE waiting (product TEXT, place INTEGER, record BLOB, PRIMARY KEY (product, place))
    WITHOUT ROWID;
"""
_RECENT, _RECENT_BYTES = 1_000, 1 << 22
"""Products that are kept in memory, and what they may have together."""
_MARKS = 1 << 20


class Families:
    """Links variants to their products and lets them inherit; a context manager."""

    def __init__(self, *, levels: bool = False) -> None:
        """Begin with no product.

        Args:
            levels: variants may have variants.
        """
        self._levels = levels
        self._database = scratch_database(_TABLES)
        self._waiting = 0
        self._last: ProductRecord | None = None
        self._recent: dict[str, bytes] = {}
        self._recent_bytes = 0
        self._known, self._awaited = _Names(), _Names()

    def product(self, record: ProductRecord, alias: str | None = None) -> Iterator[ProductRecord]:
        """A product that may have variants, and those of them that came before it.

        Args:
            alias: what variants may call it instead of its id.
        """
        ready = [record]
        while ready:
            record = ready.pop()
            yield record
            self.keep(record, alias)
            if not self._waiting:
                alias = None
                continue
            names = (record.id, alias or record.id)
            alias = None
            if not any(map(self._awaited.may_have, names)):
                continue
            rows = self._database.execute(
                "SELECT record FROM waiting WHERE product IN (?, ?) ORDER BY place DESC", names
            ).fetchall()
            if rows:
                self._database.execute("DELETE FROM waiting WHERE product IN (?, ?)", names)
                self._waiting -= len(rows)
                ready += (variant_of(record, _unpacked(packed)) for (packed,) in rows)

    def keep(self, record: ProductRecord, alias: str | None = None) -> None:
        """Remember what variants of a product inherit."""
        self._last = record
        packed = _packed(record)
        for name in {record.id, alias or record.id}:
            if not self._known.may_have(name) or self._found(name) is None:  # the first one counts
                self._known.add(name)
                self._recent[name] = packed
                self._recent_bytes += len(packed)
        if len(self._recent) > _RECENT or self._recent_bytes > _RECENT_BYTES:
            insert = "INSERT INTO products VALUES (?, ?)"
            self._database.executemany(insert, self._recent.items())
            self._recent.clear()
            self._recent_bytes = 0

    def _found(self, product: str) -> bytes | None:
        """A product that was kept."""
        if not self._known.may_have(product):
            return None
        if (packed := self._recent.get(product)) is not None:
            return packed
        query = "SELECT record FROM products WHERE id = ?"
        row = self._database.execute(query, (product,)).fetchone()
        return row[0] if row is not None else None

    def variant(self, record: ProductRecord, product: str) -> Iterator[ProductRecord]:
        """A variant: now, if its product is known, else when it comes, or with `rest`.

        It may have variants itself.
        """
        if self._last is None or self._last.id != product:
            if (packed := self._found(product)) is None:
                self._awaited.add(product)
                insert = "INSERT OR REPLACE INTO waiting VALUES (?, ?, ?)"
                self._database.execute(insert, (product, record.line, _packed(record)))
                self._waiting += 1
                return
            parent = _unpacked(packed)
        else:
            parent = self._last
        inheriting = variant_of(parent, record)
        if self._levels:
            yield from self.product(inheriting)
        else:
            self._last = parent
            yield inheriting

    def rest(self) -> Iterator[ProductRecord]:
        """The variants whose product the file does not have, with their links to it."""
        query = "SELECT product, record FROM waiting ORDER BY place"
        for product, packed in self._database.execute(query):
            yield _linked(_unpacked(packed), product)

    def __enter__(self) -> Families:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()


class _Names:
    """Which names there may be, in a place of a fixed size: of one that it lacks it is sure."""

    def __init__(self) -> None:
        self._marks = bytearray(_MARKS)

    def add(self, name: str) -> None:
        """One more."""
        self._marks[hash(name) % _MARKS] = 1

    def may_have(self, name: str) -> bool:
        """Whether it may be one of them."""
        return bool(self._marks[hash(name) % _MARKS])


def variant_of(product: ProductRecord, record: ProductRecord) -> ProductRecord:
    """A variant with its link, and with what it does not state from its product."""
    return ProductRecord(
        record.id,
        record.title or product.title,
        record.category or product.category,
        record.images or product.images,
        inherited(record.properties, product.properties),
        record.line,
        _links(record, product.id),
    )


def _links(record: ProductRecord, product: str) -> tuple[tuple[str, str], ...]:
    own = (VARIANT_OF, product)
    return tuple(dict.fromkeys([own, *record.links])) if record.links else (own,)


def _linked(record: ProductRecord, product: str) -> ProductRecord:
    return ProductRecord(
        record.id,
        record.title,
        record.category,
        record.images,
        record.properties,
        record.line,
        _links(record, product),
    )


def _packed(record: ProductRecord) -> bytes:
    parts = (
        record.id,
        record.title,
        record.category,
        record.images,
        record.properties,
        record.line,
        record.links,
    )
    return marshal.dumps(parts)


def _unpacked(packed: bytes) -> ProductRecord:
    parts: tuple[Any, ...] = marshal.loads(packed)  # noqa: S302  # of this very reading
    return ProductRecord(*parts)
