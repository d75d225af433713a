"""Rows that go on with the product before them: `rows: continue`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from k3m_kg.readers.mapped.made import Made, MadeRecords, Placed, check_digits
from k3m_kg.readers.mapped.nested import BadTree
from k3m_kg.readers.mapped.variants import inherited
from k3m_kg.readers.mapping import Mapping
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

MAX_ROWS = 10_000
"""Rows that one product may have."""
_TOO_LONG = f"more than {MAX_ROWS:,} rows of one product"
_MAX_REJECTED = 1000


class ContinuedRows:
    """Puts together the rows of a product: those with its id, or none, that follow each other.

    Args:
        cells: what a row says, with the names that stood in the name columns of pairs so far.
        rejected: why a tree, on a line, is no product.
        told: of the cells of a product those that count.
    """

    def __init__(
        self,
        mapping: Mapping,
        records: MadeRecords,
        cells: Callable[[dict[str, Any], dict[str, str]], list[Placed]],
        rejected: Callable[[str, Any, int], RejectedRow],
        told: Callable[[Sequence[Placed]], Sequence[Placed]],
    ) -> None:
        self._mapping = mapping
        self._records = records
        self._cells = cells
        self._rejected = rejected
        self._told = told
        self._open: _Open | None = None
        self._too_long: str | None = None

    def hold(self, row: RejectedRow) -> Iterator[CatalogRecord]:
        """A row that is no part of any product; it does not end the one that it stands in."""
        if self._open is None:
            yield row
            return
        self._open.rejected.append(row)
        if len(self._open.rejected) > _MAX_REJECTED:  # held back only to keep the order of lines
            yield from self.rest()

    def of(self, tree: dict[str, Any], line: int) -> Iterator[CatalogRecord]:
        """The product before a row, if that begins another one.

        Raises:
            BadTree: the row is none of a product.
        """
        names = dict(self._open.names) if self._open is not None else {}
        cells = self._cells(tree, names)
        id_ = self._row_id(cells)
        if self._open is None and self._too_long is not None and id_ in (None, self._too_long):
            raise BadTree(_TOO_LONG)
        if id_ is None and self._open is None:
            raise BadTree("no id, and no product before it that this row could continue")
        if self._open is None or (id_ is not None and id_ != self._open.id):
            yield from self.rest()
            names = {}
            if self._mapping.pairs:  # names of another product do not count
                cells = self._cells(tree, names)
            self._open = _Open(id_ or "", line, tree)
            self._too_long = None
        into = self._open
        into.names = names
        into.rows += 1
        if into.rows > MAX_ROWS:
            self._too_long = into.id
            yield from self.rest()
            raise BadTree(_TOO_LONG)
        into.add(cells, line)

    def _row_id(self, cells: Sequence[Placed]) -> str | None:
        made = Made(0, [item for item in cells if item[1].has("id")])
        for column in self._mapping.ids:
            if values := made.roles.get(("id", column)):
                return values[0]
        return None

    def rest(self) -> Iterator[CatalogRecord]:
        """The product whose rows have ended, and its variants."""
        done, self._open = self._open, None
        if done is None:
            return
        records: list[ProductRecord | RejectedRow] = [*done.rejected]
        try:
            check_digits(done.id)
            product = self._records.of(Made(done.line, self._told(done.cells)), done.id)
        except BadTree as error:
            records.append(self._rejected(str(error), done.tree, done.line))
        else:
            records.append(product)
            records += self._variants(done, product)
        records.sort(key=lambda record: record.line)
        yield from records

    def _variants(
        self, done: _Open, product: ProductRecord
    ) -> Iterator[ProductRecord | RejectedRow]:
        variants = self._mapping.variants
        for id_, (line, cells) in done.variants.items():
            assert variants is not None
            try:
                check_digits(id_)
                own = self._records.of(Made(line, self._told(cells)), id_)
            except BadTree as error:
                yield self._rejected(str(error), done.tree, line)
            else:
                yield inherited(own, product, variants)


class _Open:
    """A product whose rows may go on."""

    def __init__(self, id_: str, line: int, tree: Any) -> None:
        self.id = id_
        self.line = line
        self.tree = tree
        self.rows = 0
        self.cells: list[Placed] = []
        self.names: dict[str, str] = {}
        self.variants: dict[str, tuple[int, list[Placed]]] = {}
        self.rejected: list[RejectedRow] = []

    def add(self, cells: Sequence[Placed], line: int) -> None:
        """What a row says, of the product or of its variant."""
        variant = next((cell.text for cell, field in cells if field.has("variant")), self.id)
        if variant == self.id:
            self.cells += cells
            return
        own = self.variants.setdefault(variant, (line, []))[1]
        for placed in cells:
            if not placed[1].has("variant"):
                (own if placed[1].own else self.cells).append(placed)
