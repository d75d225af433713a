"""Columnar tables with a row for each triple: head, property, value.

The rows of a product must follow each other: sort by head. The properties title, category and
image, or those that a mapping file names instead, are these parts of the product. A mapping file
speaks of properties where it would speak of columns; its `id` is the head column.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from k3m_kg.errors import ConfigError
from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.columnar.arrow_batches import TextBatch, texts
from k3m_kg.readers.mapped.splitting import values_in
from k3m_kg.readers.mapping import PLACEHOLDER, Mapping
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

MAX_TRIPLES = 1 << 20
"""Rows that a product may have."""

_HEADS = ("head", "subject")
_PROPERTIES = ("property", "predicate", "relation")
_VALUES = ("value", "object", "tail")
_DEFAULT = Mapping(id="head", title="title", category="category", image="image")

_Pair = tuple[str, str]
_Cell = tuple[str, str | None]
_Flags = npt.NDArray[np.bool_]


def long_columns(names: Sequence[str]) -> list[str] | None:
    """The columns of head, property and value, if these are all that a table has."""
    lower = {name.lower(): name for name in names}
    found = [
        [lower[name] for name in usual if name in lower] for usual in (_HEADS, _PROPERTIES, _VALUES)
    ]
    if len(names) != 3 or any(len(columns) != 1 for columns in found):
        return None
    return [columns[0] for columns in found]


class _Product:
    """The rows of one product so far."""

    def __init__(self, head: str, line: int) -> None:
        self.head = head
        self.line = line
        self.rows = 0
        self.plain: list[_Pair] = []
        self.special: list[_Cell] = []
        self.distinct = True

    def add(self, rows: int, plain: list[_Pair], special: list[_Cell], distinct: bool) -> None:
        """More rows; `distinct` if none of them repeats another."""
        self.distinct = distinct and not self.rows
        self.rows += rows
        if self.rows <= MAX_TRIPLES:
            self.plain += plain
            self.special += special


class LongTable:
    """Groups rows to products, over the ends of batches."""

    def __init__(self, mapping: Mapping | None, where: str) -> None:
        """Read as `mapping` says, or with title, category and image.

        Raises:
            ConfigError: the mapping has an image template.
        """
        mapping = mapping or _DEFAULT
        if not mapping.is_plain:
            raise ConfigError(
                "a table of triples takes `id`, `title`, `category`, `image`, `properties`, "
                "`links`, `rename`, `separators`, `missing` and `missing_in` only",
                where=where,
            )
        if any(PLACEHOLDER.search(image) for image in mapping.images):
            raise ConfigError("a table of triples takes no image template", where=where)
        self._mapping = mapping
        self._roles = dict.fromkeys(mapping.images, "image")
        self._roles |= dict.fromkeys(mapping.titles, "title")
        self._roles |= dict.fromkeys(mapping.categories, "category")
        self._as_written = not (mapping.separators or mapping.missing or mapping.missing_in)
        named = mapping.properties
        self._wanted = None if named == "*" else set(named)
        self._open: _Product | None = None
        self._rejected: deque[RejectedRow] = deque()

    def records(self, before: int, batch: Any) -> Iterator[CatalogRecord]:
        """The records that are complete with a batch of head, property and value."""
        columns = [texts(column) for column in batch.columns]
        self._reject(before, columns)
        rows = np.flatnonzero((columns[0].codes >= 0) & (columns[1].codes >= 0))
        if not len(rows):
            return
        heads, names, values = (TextBatch(found.distinct, found.codes[rows]) for found in columns)
        starts = np.flatnonzero(np.diff(heads.codes, prepend=-2))
        is_plain = self._plain(names, values)
        plain = _pairs(names, values, is_plain, self._mapping.rename)
        special = _pairs(names, values, ~is_plain, {})
        distinct = not self._mapping.rename and _is_distinct(names, values, starts, is_plain)
        plain_before = np.concatenate(([0], np.cumsum(is_plain))).tolist()
        ends = [*starts[1:].tolist(), len(rows)]
        for start, end in zip(starts.tolist(), ends, strict=True):
            head = heads.distinct[heads.codes[start]] or ""
            if self._open is None or self._open.head != head:
                line = before + int(rows[start]) + 1
                yield from self._closed()
                yield from self._rejects_before(line)
                self._open = _Product(head, line)
            one, two = plain_before[start], plain_before[end]
            self._open.add(end - start, plain[one:two], special[start - one : end - two], distinct)
            if end < len(rows):
                yield from self._closed()

    def rest(self) -> Iterator[CatalogRecord]:
        """What is left after the last batch."""
        yield from self._closed()
        yield from self._rejected
        self._rejected.clear()

    def _closed(self) -> Iterator[CatalogRecord]:
        if self._open is not None:
            yield self._made(self._open)
            self._open = None

    def _rejects_before(self, line: int) -> Iterator[RejectedRow]:
        while self._rejected and self._rejected[0].line < line:
            yield self._rejected.popleft()

    def _reject(self, before: int, columns: Sequence[TextBatch]) -> None:
        """Note the rows that are no triple."""
        why: dict[int, str] = {}
        for name, column in zip(("head", "property"), columns, strict=False):
            empty = np.flatnonzero(column.codes < 0).tolist()
            why |= {row: column.bad.get(row, f"no {name}") for row in empty}
        why = columns[2].bad | why
        for row in sorted(why):
            cells = [column.distinct[column.codes[row]] for column in columns]
            self._rejected.append(RejectedRow(before + row + 1, why[row], raw_text(repr(cells))))

    def _plain(self, names: TextBatch, values: TextBatch) -> _Flags:
        """Rows whose triple is a property and its value as they stand."""
        special = {*self._roles, *self._mapping.links, None}
        wanted = self._wanted
        is_plain = [
            self._as_written and name not in special and (wanted is None or name in wanted)
            for name in names.distinct
        ]
        found: _Flags = np.array(is_plain)[names.codes] & (values.codes >= 0)
        return found

    def _made(self, product: _Product) -> ProductRecord | RejectedRow:
        if product.rows > MAX_TRIPLES:
            why = f"more than {MAX_TRIPLES:,} triples"
            return RejectedRow(product.line, why, product.head, product.head)
        mapping = self._mapping
        parts: dict[str, str] = {}
        images: list[str] = []
        links: list[_Pair] = []
        more: list[_Pair] = []
        for name, text in product.special:
            role = self._roles.get(name)
            for value in self._values(name, text):
                if role == "image":
                    images.append(value)
                elif name in mapping.links:
                    links.append((mapping.links[name], value))
                elif role and parts.setdefault(role, value) == value:
                    continue
                elif role or self._wanted is None or name in self._wanted:
                    more.append((mapping.rename.get(name, name), value))
        whole = product.distinct and not more
        return ProductRecord(
            product.head,
            parts.get("title"),
            parts.get("category"),
            tuple(dict.fromkeys(images)),
            tuple(product.plain if whole else dict.fromkeys(product.plain + more)),
            product.line,
            tuple(dict.fromkeys(links)),
        )

    def _values(self, name: str, text: str | None) -> Sequence[str]:
        mapping = self._mapping
        missing = ("", *mapping.missing, *mapping.missing_in.get(name, ()))
        if text is None or text in missing:
            return ()
        return values_in(text, mapping.separators.get(name), missing)


def _pairs(names: TextBatch, values: TextBatch, rows: _Flags, rename: dict[str, str]) -> list[Any]:
    """(property, value) of the chosen rows."""
    of_names = [name and rename.get(name, name) for name in names.distinct]
    of_values = values.distinct
    codes = zip(names.codes[rows].tolist(), values.codes[rows].tolist(), strict=True)
    return [(of_names[name], of_values[value]) for name, value in codes]


def _is_distinct(
    names: TextBatch, values: TextBatch, starts: npt.NDArray[np.int64], rows: _Flags
) -> bool:
    """Whether no product repeats a triple."""
    product = np.zeros(len(names.codes), np.int64)
    product[starts] = 1
    keys = np.cumsum(product) * len(names.distinct) + names.codes
    keys = (keys * len(values.distinct) + values.codes)[rows]
    return len(np.unique(keys)) == len(keys)
