"""Proposals, and records of any kind, as CSV, JSON lines or Parquet, written as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from k3m_kg.errors import UsageError, nearest
from k3m_kg.files import inert, whole_file
from k3m_kg.use.completion.proposals import Proposal

FORMATS = (".csv", ".jsonl", ".parquet")
_ROWS_PER_GROUP = 1 << 16
_SCHEMA = pa.schema(
    [
        ("product", pa.string()),
        ("property", pa.string()),
        ("value", pa.string()),
        ("score", pa.float32()),
        ("probability", pa.float32()),
        ("applies", pa.float32()),
    ]
)
_PLACE, _OPEN = pa.field("place", pa.string()), pa.field("open", pa.bool_())
_EXPLANATION = pa.field("explanation", pa.string())


def check_table(path: Path) -> None:
    """Raise a UsageError unless the file's ending is one of `FORMATS`."""
    if path.suffix.lower() not in FORMATS:
        guess = nearest(path.suffix.lower(), FORMATS)
        raise UsageError(
            f"cannot tell the format from {path.suffix or 'no ending'!r}",
            where=str(path),
            hint=f"did you mean {guess}?" if guess else f"end it in {', '.join(FORMATS)}",
        )


def write_table(
    path: Path,
    proposals: Iterable[Proposal],
    *,
    explained: bool = False,
    placed: bool = False,
    spreadsheet: bool = True,
) -> int:
    """Write all proposals; the file appears whole or not at all.

    Args:
        explained: a column `explanation` holds JSON (in JSON lines, an object).
        placed: columns `place` and `open` say where a value stands in the product's texts, and
            that training never saw it.
        spreadsheet: in CSV, texts that a spreadsheet would run are made inert by an apostrophe.

    Returns:
        How many there were.

    Raises:
        UsageError: an unknown format.
        K3MError: the file cannot be written.
    """
    schema = _SCHEMA.append(_EXPLANATION) if explained else _SCHEMA
    if placed:
        schema = schema.append(_PLACE).append(_OPEN)
    lines = path.suffix.lower() == ".jsonl"
    rows = (proposal.record() if lines else _row(proposal) for proposal in proposals)
    return write_records(path, rows, schema, spreadsheet=spreadsheet)


def write_records(
    path: Path, records: Iterable[dict[str, Any]], schema: pa.Schema, *, spreadsheet: bool = True
) -> int:
    """Write records as they come; the file appears whole or not at all.

    Args:
        schema: the columns of CSV and Parquet; JSON lines hold whatever a record has.
        spreadsheet: as in `write_table`.

    Returns:
        How many there were.

    Raises:
        UsageError: an unknown format.
        K3MError: the file cannot be written.
    """
    check_table(path)
    counted = _Counted(records)
    with whole_file(path) as staging:
        if path.suffix.lower() == ".parquet":
            with pq.ParquetWriter(staging, schema) as writer:
                rest = iter(counted)
                while group := list(islice(rest, _ROWS_PER_GROUP)):
                    writer.write_table(pa.Table.from_pylist(group, schema=schema))
        else:
            with staging.open("w", encoding="utf-8", newline="") as file:
                if path.suffix.lower() == ".csv":
                    table = csv.DictWriter(file, schema.names)
                    table.writeheader()
                    table.writerows(
                        {name: inert(cell) for name, cell in row.items()} if spreadsheet else row
                        for row in counted
                    )
                else:
                    for record in counted:
                        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return counted.count


def _row(proposal: Proposal) -> dict[str, Any]:
    """A record without anything nested."""
    record = proposal.record()
    if proposal.place is not None:
        place = proposal.place
        record["place"] = f"{place.source} {place.start}-{place.end}"
    if "explanation" in record:
        record["explanation"] = json.dumps(record["explanation"], ensure_ascii=False)
    return record


class _Counted:
    """An iterable that knows in the end how many it gave."""

    def __init__(self, records: Iterable[dict[str, Any]]) -> None:
        self._records = records
        self.count = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for record in self._records:
            self.count += 1
            yield record
