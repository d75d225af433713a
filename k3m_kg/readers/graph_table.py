"""The table of triples that `k3m-kg export` writes: the kinds of head and tail stand in it.

A row is a triple from a product or a value (`head_kind`) to a product or a value (`tail_kind`), or
a part of a product: `tail_kind` is then title, category or image. A property may be called "title"
all the same. The rows of a subject must follow each other, as exported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from k3m_kg.readers.cells import raw_text
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow, ValueRecord

GRAPH_COLUMNS = ["head", "head_kind", "property", "tail", "tail_kind"]
MAX_ROWS = 1 << 20
"""Rows that a subject may have."""
_PRODUCT, _VALUE = "product", "value"
_KINDS = {
    _PRODUCT: (_VALUE, _PRODUCT, "title", "category", "image"),
    _VALUE: (_VALUE,),
}
GraphRow = tuple[int, tuple[str | None, ...], str | None]
"""Line, the cells of `GRAPH_COLUMNS`, and why one of them cannot be stored."""


def is_graph_table(names: Sequence[str]) -> bool:
    """Whether a table has the columns of the export, and no other."""
    return sorted(names) == sorted(GRAPH_COLUMNS)


def graph_records(table: Iterable[GraphRow]) -> Iterator[CatalogRecord]:
    """The subjects of a table."""
    for (head, kind), rows in groupby(table, lambda row: row[1][:2]):
        good: list[tuple[str, str, str]] = []
        line = 0
        for number, cells, bad in rows:
            line = line or number
            why = bad or _why(cells)
            if why:
                yield RejectedRow(number, why, raw_text(repr(list(cells))))
            elif len(good) <= MAX_ROWS:
                good.append((cells[4] or "", cells[2] or "", cells[3] or ""))
        if len(good) > MAX_ROWS:
            why = f"more than {MAX_ROWS:,} triples"
            yield RejectedRow(line, why, raw_text(head or ""), _product(head, kind))
        elif good:
            yield _record(head or "", kind or "", line, dict.fromkeys(good))


def _product(head: str | None, kind: str | None) -> str | None:
    return None if kind == _VALUE else head


def _why(cells: tuple[str | None, ...]) -> str | None:
    """Why a row is no triple."""
    for name, cell in zip(GRAPH_COLUMNS, cells, strict=True):
        if cell is None:
            return f"no {name}"
    tails = _KINDS.get(cells[1] or "")
    if tails is None:
        return f"head_kind is product or value, not {cells[1]!r}"
    if cells[4] not in tails:
        return f"the tail_kind of a {cells[1]} is {', '.join(tails)}, not {cells[4]!r}"
    return None


def _record(head: str, kind: str, line: int, rows: Iterable[tuple[str, str, str]]) -> CatalogRecord:
    parts: dict[str, list[tuple[str, str]]] = {}
    for sort, name, tail in rows:
        parts.setdefault(sort, []).append((name, tail))
    if kind == _VALUE:
        return ValueRecord(head, tuple(parts[_VALUE]), line)
    texts_of = {sort: list(map(itemgetter(1), pairs)) for sort, pairs in parts.items()}
    for part in ("title", "category"):
        if len(set(texts_of.get(part, ()))) > 1:
            return RejectedRow(line, f"two of {part}", raw_text(head), head)
    return ProductRecord(
        head,
        next(iter(texts_of.get("title", ())), None),
        next(iter(texts_of.get("category", ())), None),
        tuple(dict.fromkeys(texts_of.get("image", ()))),
        tuple(parts.get(_VALUE, ())),
        line,
        tuple(parts.get(_PRODUCT, ())),
    )
