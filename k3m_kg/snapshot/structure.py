"""Whether the columns of a snapshot point only to what is there.

Readers of a snapshot index memory-mapped columns without a check of each number: what is wrong
here would be a read past a column, another product's values, or a crash of native code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from k3m_kg.snapshot.layout import SPLITS, damaged

_AT_ONCE = 1 << 22


class MappedColumns(Protocol):
    """The arrays of a snapshot, of the right types and lengths, by name as attributes."""

    path: Path


def check_tables(folder: Path, tables: Mapping[str, pa.Table]) -> None:
    """Arrow's own full validation; no null where none may be; texts ascending, once each.

    Raises:
        SnapshotError: names the file and what is wrong.
    """
    for name, table in tables.items():
        file = f"{name}.arrow"
        try:
            table.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            raise damaged(folder, file, str(error)) from None
        for field in table.schema:
            column = table.column(field.name)
            if not field.nullable and column.null_count:
                raise damaged(folder, file, f"{field.name} is missing in some rows")
        first = table.column(0)
        if pa.types.is_string(first.type) and len(first) > 1:
            rising = pc.less(first.slice(0, len(first) - 1), first.slice(1))
            if not pc.all(rising).as_py():
                raise damaged(folder, file, f"{table.schema.names[0]} does not ascend")


def check_arrays(columns: MappedColumns, lengths: Mapping[str, int]) -> None:
    """Offsets never fall; ids lie within what they point into.

    Args:
        lengths: of `products`, `properties`, `values` and `thumbnails`.

    Raises:
        SnapshotError: names the file and what is wrong.
    """
    for name in ("triple_offsets", "image_offsets", "link_offsets", "rejected_offsets"):
        array = getattr(columns, name)
        if any((np.diff(piece) < 0).any() for piece in _pieces(array, overlap=1)):
            raise damaged(columns.path, f"{name}.npy", "the offsets do not ascend")
    below = {
        "split": len(SPLITS),
        "triple_property": lengths["properties"],
        "triple_value": lengths["values"],
        "triple_holdout": len(SPLITS),
        "image_thumbnail": lengths["thumbnails"],
        "link_property": lengths["properties"],
        "link_product": lengths["products"],
        "link_holdout": len(SPLITS),
        "fact_head": lengths["values"],
        "fact_property": lengths["properties"],
        "fact_tail": lengths["values"],
        "rejected_property": lengths["properties"],
        "rejected_value": lengths["values"],
    }
    for name, bound in below.items():
        for piece in _pieces(getattr(columns, name)):
            if int(piece.min()) < 0 or int(piece.max()) >= bound:
                what = f"a number that is not in 0 to {bound - 1:,}"
                raise damaged(columns.path, f"{name}.npy", what)


def _pieces(array: np.ndarray, overlap: int = 0) -> Iterator[np.ndarray]:
    """An array bit by bit, none of them empty."""
    for start in range(0, len(array), _AT_ONCE):
        yield array[start : start + _AT_ONCE + overlap]
