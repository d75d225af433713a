"""The K3M authors' format: one product a line, five columns separated by tabs.

    id <tab> title <tab> image URL <tab> property#:#value#;#property#:#value <tab> category

There is no header and no quoting. Surrounding blanks of a cell do not count, an empty cell is
missing, and a property without a value is not stated.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from k3m_kg.errors import ConfigError
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.compressed import open_bytes, unreadable
from k3m_kg.readers.lines import MAX_LINE, byte_lines
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

BETWEEN_TRIPLES = "#;#"
BETWEEN_PROPERTY_AND_VALUE = "#:#"
_COLUMNS = 5


class K3MTSVReader:
    """Reads UTF-8 files of the K3M authors' format."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Strong if half of the first lines have five columns and one has `property#:#value`."""
        lines = [line for line in head.splitlines()[:50] if line.strip()]
        fitting = [line for line in lines if line.count(b"\t") == _COLUMNS - 1]
        marker = BETWEEN_PROPERTY_AND_VALUE.encode()
        fits = 2 * len(fitting) >= len(lines) and any(marker in line for line in fitting)
        return Confidence.STRONG if fits else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a line that is not of the format is rejected alone.

        Raises:
            CatalogError: the file cannot be read.
            ConfigError: a mapping was given, which this format has no use for.
        """
        if mapping is not None:
            raise ConfigError(
                "the format k3m-tsv takes no mapping file",
                where=str(mapping),
                hint="leave --mapping out, or read the file with --format csv",
            )
        try:
            with open_bytes(path) as file:
                for number, (line, cut) in enumerate(byte_lines(file), start=1):
                    if number == 1:
                        line = line.removeprefix(codecs.BOM_UTF8)
                    if line.strip():
                        yield _parse(number, line, cut)
        except OSError as error:
            raise unreadable(path, error) from None


def _parse(number: int, line: bytes, cut: bool) -> ProductRecord | RejectedRow:
    id_ = None
    try:
        id_ = line.partition(b"\t")[0].decode().strip() or None
        if cut:
            raise _BadRow(f"line longer than {MAX_LINE:,} bytes")
        return _record(number, line.decode())
    except UnicodeDecodeError as error:
        reason = f"invalid UTF-8 at byte {error.start + 1} of the line"
    except _BadRow as error:
        reason = str(error)
    return RejectedRow(number, reason, raw_text(line), id_)


class _BadRow(Exception):  # noqa: N818  (never leaves this module)
    pass


def _record(number: int, line: str) -> ProductRecord:
    if "\0" in line:
        raise _BadRow("NUL byte in the line")
    cells = line.split("\t")
    if len(cells) != _COLUMNS:
        raise _BadRow(f"expected {_COLUMNS} columns separated by tabs, found {len(cells)}")
    id_, title, image, knowledge, category = (cell.strip() for cell in cells)
    if not id_:
        raise _BadRow("no id in column 1")
    return ProductRecord(
        id=id_,
        title=title or None,
        category=category or None,
        images=(image,) if image else (),
        properties=tuple(dict.fromkeys(_pairs(knowledge))),
        line=number,
    )


def _pairs(knowledge: str) -> list[tuple[str, str]]:
    pairs = []
    for pair in knowledge.split(BETWEEN_TRIPLES):
        name, separator, value = pair.partition(BETWEEN_PROPERTY_AND_VALUE)
        name, value = name.strip(), value.strip()
        if name and value:
            pairs.append((name, value))
        elif name and not separator:
            raise _BadRow(f"{name[:40]!r} has no {BETWEEN_PROPERTY_AND_VALUE!r} and no value")
        elif value:
            raise _BadRow(f"no property name before the value {value[:40]!r}")
    return pairs
