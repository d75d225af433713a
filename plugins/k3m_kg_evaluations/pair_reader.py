"""The products of files of pairs: two records a line, each product once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from k3m_kg.api import (
    CatalogRecord,
    Confidence,
    RejectedRow,
    is_record_pair,
    pair_lines,
    paired_product,
    raw_text,
)


class PairReader:
    """Reads the records of both sides; their ids are those that alignment looks for."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure of lines that begin with `COL` and hold `VAL` and tabs."""
        line = head.partition(b"\n")[0].decode("utf-8", "replace").lstrip("\ufeff")
        return Confidence.STRONG if is_record_pair(line) else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a line that is no pair is rejected alone.

        Raises:
            CatalogError: the file cannot be read as text.
        """
        seen: set[str] = set()
        for number, line in pair_lines(path):
            try:
                cells = line.decode().split("\t")
            except UnicodeDecodeError:
                yield RejectedRow(number, "bytes that are not valid UTF-8", raw_text(line))
                continue
            if len(cells) != 3:
                reason = f"{len(cells)} cells: two records and a label are expected"
                yield RejectedRow(number, reason, raw_text(line))
                continue
            for side, text in zip("ab", cells, strict=False):
                found = paired_product(side, text, number)
                if isinstance(found, str):
                    yield RejectedRow(number, found, raw_text(line))
                elif found.id not in seen:
                    seen.add(found.id)
                    yield found
