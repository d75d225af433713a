"""Record batches of a Parquet, Arrow or Feather file, and their cells as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from k3m_kg.errors import CatalogError
from k3m_kg.readers.cells import unstorable
from k3m_kg.readers.columnar.signatures import ARROW_FILE, PARQUET
from k3m_kg.readers.compressed import is_packed, open_bytes, read_head, unreadable
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.readers.numbers import plain_text

BATCH_ROWS = 1 << 13
_BATCH_BYTES, _FEWEST_ROWS = 1 << 25, 256
"""Of a batch, if its rows are long, and the rows that it has all the same."""
_DICTIONARY_BYTES = 1 << 21
_GROUPS_LOOKED_AT = 8
ROWS_OF_A_BYTE = 1000
FREE_ROWS = 1_000_000
"""A file may have that many rows, and so many more for each of its bytes: rows that say nothing
(nulls, one value again and again) take none, and would go on for ever."""


@dataclass(frozen=True, slots=True)
class Batches:
    """A columnar source: its schema, and its batches with the number of rows before each.

    Raises:
        ValueError: the name of a column is no text.
    """

    schema: Any
    batches: Iterator[tuple[int, Any]]

    def __post_init__(self) -> None:
        if why := unstorable([*self.schema.names, *_inner_names(self.schema.types)]):
            raise ValueError(f"{why} in the name of a column")

    def of(self, columns: list[str]) -> Iterator[tuple[int, Any]]:
        """The batches with these columns only."""
        for before, batch in self.batches:
            yield before, batch.select(columns)


def _inner_names(kinds: Iterable[Any]) -> Iterator[str]:
    """The names of fields within columns."""
    for kind in kinds:
        if pa.types.is_struct(kind):
            fields = [kind.field(place) for place in range(kind.num_fields)]
            yield from (field.name for field in fields)
            yield from _inner_names(field.type for field in fields)
        elif pa.types.is_map(kind):
            yield from _inner_names((kind.key_type, kind.item_type))
        elif pa.types.is_nested(kind) and hasattr(kind, "value_type"):
            yield from _inner_names((kind.value_type,))


def open_batches(path: Path) -> Batches:
    """The batches of a file, one after the other, each of a bounded number of rows.

    Raises:
        CatalogError: it cannot be read, or is damaged (also while the batches are taken).
    """
    try:
        head = read_head(path, 8)
        if not head.startswith((PARQUET, ARROW_FILE)):
            reader = pa.ipc.open_stream(pa.PythonFile(open_bytes(path), mode="r"))
            return Batches(reader.schema, _numbered(path, map(_sound, reader)))
        if is_packed(path):
            raise CatalogError(
                "a Parquet or Arrow file inside of gzip or zstd cannot be read in parts",
                where=str(path),
                hint="unpack it; these formats compress their columns themselves",
            )
        if head.startswith(ARROW_FILE):
            reader = pa.ipc.open_file(pa.OSFile(str(path)))
            parts = map(reader.get_batch, range(reader.num_record_batches))
            return Batches(reader.schema, _numbered(path, map(_sound, parts)))
        return _parquet(path)
    except OSError as error:
        raise _damaged(path, error) if error.errno is None else unreadable(path, error) from None
    except MemoryError as error:
        raise too_large(path, error) from None
    except (pa.ArrowException, ValueError) as error:
        raise _damaged(path, error) from None


def _parquet(path: Path) -> Batches:
    with pq.ParquetFile(str(path)) as plain:
        sizes = _sizes(plain.metadata)
        texts = [
            field.name
            for field in plain.schema_arrow
            if pa.types.is_string(field.type) and not _is_of_many(*sizes.get(field.name, (0, 0)))
        ]
        rows = max((count for _, count in sizes.values()), default=0)
    row_bytes = sum(size for size, _ in sizes.values()) // max(rows, 1)
    at_once = min(max(_BATCH_BYTES // max(row_bytes, 1), _FEWEST_ROWS), BATCH_ROWS)
    # As dictionaries, equal texts are one text: faster, and a small file stays small in memory.
    file = pq.ParquetFile(str(path), read_dictionary=texts, buffer_size=1 << 20)
    return Batches(file.schema_arrow, _numbered(path, map(_in_bounds, file.iter_batches(at_once))))


def _sizes(metadata: Any) -> dict[str, tuple[int, int]]:
    """Of each column bytes and values in the first row groups."""
    found: dict[str, tuple[int, int]] = {}
    for group in range(min(metadata.num_row_groups, _GROUPS_LOOKED_AT)):
        columns = metadata.row_group(group)
        for place in range(columns.num_columns):
            column = columns.column(place)
            size, count = found.get(column.path_in_schema, (0, 0))
            size += max(column.total_uncompressed_size, 0)
            found[column.path_in_schema] = size, count + max(column.num_values, 0)
    return found


def _is_of_many(size: int, values: int) -> bool:
    """Whether most texts of a column stand in the file themselves, as they are different.

    Arrow would hold all of a row group in one dictionary. What is written as places in one takes
    three bytes a value at most.
    """
    return size > _DICTIONARY_BYTES + 3 * values


def _numbered(path: Path, batches: Iterator[Any]) -> Iterator[tuple[int, Any]]:
    before = 0
    most = FREE_ROWS + ROWS_OF_A_BYTE * path.stat().st_size
    try:
        for batch in batches:
            if before + batch.num_rows > most:
                raise ValueError(f"it claims more than {most:,} rows")
            for start in range(0, batch.num_rows, BATCH_ROWS):
                part = batch.slice(start, BATCH_ROWS)
                yield before, part
                before += part.num_rows
    except OSError as error:
        raise _damaged(path, error) if error.errno is None else unreadable(path, error) from None
    except MemoryError as error:
        raise too_large(path, error) from None
    except (pa.ArrowException, ValueError) as error:
        raise _damaged(path, error) from None


def _sound(batch: Any) -> Any:
    """The batch, after a look at every offset: Arrow itself takes them as they stand in a file."""
    batch.validate(full=True)
    return batch


def _in_bounds(batch: Any) -> Any:
    """The batch, after a look at the places in dictionaries, which Parquet takes as they stand."""
    for column in filter(_is_dictionary, batch.columns):
        ends = pc.min_max(column.indices)
        last = ends["max"].as_py()
        if last is not None and not 0 <= ends["min"].as_py() <= last < len(column.dictionary):
            raise pa.ArrowInvalid("a value is not in its dictionary")
    return batch


def _damaged(path: Path, error: Exception) -> CatalogError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return CatalogError(f"the file is damaged or incomplete: {first[:300]}", where=str(path))


def too_large(path: Path, error: MemoryError) -> CatalogError:
    """What is said of a file that asks for more memory than there is."""
    first = (str(error).splitlines() or [""])[0]
    return CatalogError(
        f"needs more memory than the process that reads it may take{first and f': {first[:300]}'}",
        where=str(path),
        hint="raise --memory, or write it with smaller row groups; a damaged file may claim any "
        "size",
    )


def _is_dictionary(column: Any) -> bool:
    return bool(pa.types.is_dictionary(column.type))


@dataclass(slots=True)
class TextBatch:
    """A column as text, each distinct text once.

    Attributes:
        distinct: the texts, stripped, and None at the end.
        codes: the place in `distinct` of each row's text; -1 for null, empty and bad ones.
        bad: row to reason, for texts that cannot be stored.
    """

    distinct: list[str | None]
    codes: npt.NDArray[np.int64]
    bad: dict[int, str] = field(default_factory=dict)


def texts(column: Any) -> TextBatch:
    """A column of scalars as text: numbers in their shortest form, not-a-number as null."""
    kind = column.type.value_type if _is_dictionary(column) else column.type
    is_float = pa.types.is_floating(kind)
    if not _is_dictionary(column):
        column = _as_text(column).dictionary_encode()
    elif len(column.dictionary) > 2 * len(column):
        column = column.dictionary_decode().dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct, why = _distinct(_as_text(column.dictionary))
    if is_float:
        distinct = [None if text is None else plain_text(text) for text in distinct]
    rows = np.flatnonzero(np.isin(codes, list(why))).tolist() if why else []
    bad = {row: why[int(codes[row])] for row in rows}
    places: dict[str | None, int] = dict(zip(distinct, range(len(distinct)), strict=True))
    if len(places) < len(distinct) or None in places:
        places[None] = -1
        codes = np.array([*(places[text] for text in distinct), -1])[codes]
    return TextBatch([*distinct, None], codes, bad)


def _as_text(column: Any) -> Any:
    """An array of strings, or of bytes that should be text."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_float16(kind):  # Arrow writes it with the digits of a double
        numbers = column.to_numpy(zero_copy_only=False)
        return pa.array(
            [None if number != number else str(number) for number in numbers], pa.string()
        )
    return column.cast(pa.string())


def as_written(column: Any) -> Any:
    """A column of trees whose numbers and times are written as those of a plain column are.

    Python has one kind of number with a point: 0.004 of 32 bits would become
    0.004000000189989805.
    """
    try:
        return column.cast(_leaves(column.type, _texts)).cast(_leaves(column.type, _doubles))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return column


def _texts(kind: Any) -> Any:
    is_short = pa.types.is_float32(kind) or pa.types.is_float16(kind)
    return pa.string() if is_short or pa.types.is_temporal(kind) else kind


def _doubles(kind: Any) -> Any:
    is_short = pa.types.is_float32(kind) or pa.types.is_float16(kind)
    return pa.float64() if is_short else _texts(kind)


def _leaves(kind: Any, other: Callable[[Any], Any]) -> Any:
    """A type with another one for each of its leaves."""
    types = pa.types
    if types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        return pa.struct([(field.name, _leaves(field.type, other)) for field in fields])
    if types.is_map(kind):
        return pa.map_(_leaves(kind.key_type, other), _leaves(kind.item_type, other))
    if types.is_list(kind):
        return pa.list_(_leaves(kind.value_type, other))
    if types.is_large_list(kind):
        return pa.large_list(_leaves(kind.value_type, other))
    return kind if types.is_nested(kind) else other(kind)


def _distinct(column: Any) -> tuple[list[str | None], dict[int, str]]:
    """Texts stripped, and what is wrong with some of them, by place."""
    try:
        found = [_stripped(text) for text in column.to_pylist()]
        texts = [text for text in found if text]
        if not unstorable(texts) and max(map(len, texts), default=0) <= MAX_LINE:
            return found, {}
    except UnicodeDecodeError:
        found = [_stripped(raw) for raw in column.cast(pa.large_binary()).to_pylist()]
    why: dict[int, str] = {}
    for place, text in enumerate(found):
        if text is None:
            continue
        if reason := unstorable((text,), "bytes that are not valid UTF-8"):
            why[place] = reason
        elif len(text) > MAX_LINE:
            why[place] = f"a cell longer than {MAX_LINE:,} characters"
        if place in why:
            found[place] = None
    return found, why


def _stripped(text: str | bytes | None) -> str | None:
    if isinstance(text, bytes):
        text = text.decode(errors="surrogateescape")
    return text.strip() or None if text is not None else None
