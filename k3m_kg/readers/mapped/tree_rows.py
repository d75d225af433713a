"""Rows that are trees, from whatever text they were read, and the products that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeVar

from k3m_kg.errors import CatalogError
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.readers.mapped.guessing.trees import guessed_from_trees
from k3m_kg.readers.mapped.made import Made
from k3m_kg.readers.mapped.products import HasTree, Products
from k3m_kg.readers.mapped.tree_plans import TreePlans
from k3m_kg.readers.mapping import Mapping
from k3m_kg.records import CatalogRecord, Note, RejectedRow

_GUESSED_FROM = 100


class TreeRow(HasTree, Protocol):
    """An object that may be a product."""

    @property
    def line(self) -> int:
        """Where it begins in the source, from 1."""
        ...

    @property
    def size(self) -> int:
        """About as many characters as it has."""
        ...


Row = TypeVar("Row", bound=TreeRow)


def tree_records(
    rows: Iterable[Row | RejectedRow],
    settings: Mapping | None,
    path: Path,
    mapping: Path | None,
    plain: Callable[[TreePlans], Callable[[Row], Made | None]] | None = None,
) -> Iterator[CatalogRecord]:
    """The products of rows, by a mapping or by the usual names.

    Args:
        settings: what stands in the file `mapping`.
        path: the source, for errors.
        plain: tells what a row says by plans for trees, without a tree; None where it cannot.

    Raises:
        CatalogError: none of the first hundred rows is an object.
        MappingNeeded: there is no mapping, and no field is named as an id is.
        ConfigError: the mapping cannot be used.
    """
    rows = iter(rows)
    if settings is None:
        sample = list(_sample(rows))
        trees = [row.tree for row in sample if not isinstance(row, RejectedRow)]
        if not trees:
            raise CatalogError("none of its first lines is a JSON object", where=str(path))
        settings, notes = guessed_from_trees(trees, path)
        yield from map(Note, notes)
        rows = chain(sample, rows)
    where = str(mapping if mapping is not None else path)
    products = Products(settings, where, mapping.parent if mapping else None)
    made_of = plain(products.plans) if plain is not None else None
    is_plain = False
    for row in rows:
        if isinstance(row, RejectedRow):
            yield from products.rejected(row)
            continue
        is_plain = is_plain or products.is_plain
        if is_plain:
            if made_of is not None and (made := made_of(row)) is not None:
                yield products.of_made(made, row)
                continue
            if (record := products.of_plain(row, row.line)) is not None:
                yield record
                continue
        yield from products.of(row.tree, row.line, row.text)
    yield from products.rest()


def _sample(rows: Iterator[Row | RejectedRow]) -> Iterator[Row | RejectedRow]:
    """Rows to guess from: the first ones, of a bounded size."""
    size = 0
    for row in islice(rows, _GUESSED_FROM):
        yield row
        size += len(row.raw) if isinstance(row, RejectedRow) else row.size
        if size > MAX_LINE:
            return
