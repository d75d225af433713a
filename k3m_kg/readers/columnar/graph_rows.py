"""Columnar tables as `k3m-kg export` writes them, row by row for `k3m_kg.readers.graph_table`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from k3m_kg.readers.columnar.arrow_batches import texts
from k3m_kg.readers.graph_table import GraphRow


def graph_rows(batches: Iterable[tuple[int, Any]]) -> Iterator[GraphRow]:
    """The rows of batches of `GRAPH_COLUMNS`, given with the number of rows before each."""
    for before, batch in batches:
        columns = [texts(column) for column in batch.columns]
        bad: dict[int, str] = {}
        for column in columns:
            bad |= column.bad
        cells = zip(
            *([column.distinct[code] for code in column.codes.tolist()] for column in columns),
            strict=True,
        )
        for number, row in enumerate(cells):
            yield before + number + 1, row, bad.get(number)
