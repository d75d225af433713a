"""JSON Lines: an object a line, with its number, for the reader and those of its dialects."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.compressed import open_bytes, unreadable
from k3m_kg.readers.lines import MAX_LINE, byte_lines
from k3m_kg.records import RejectedRow

_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda name: None)
_decode = _decoder.decode
scan_json = _decoder.raw_decode
"""The value at a place of a text, and where it ends; its numbers are texts as they are written."""


class JsonLine(NamedTuple):
    """A line of JSON Lines.

    Attributes:
        line: its number, from 1.
        tree: the object; numbers are texts as they are written.
        raw: its bytes.
    """

    line: int
    tree: dict[str, Any]
    raw: bytes

    @property
    def size(self) -> int:
        """Of its bytes."""
        return len(self.raw)

    def text(self) -> str:
        """The line as it is reported."""
        return raw_text(self.raw)

    def rejected(self, reason: str) -> RejectedRow:
        """The line as one that is no product, and why."""
        return RejectedRow(self.line, reason, self.text())


def json_lines(path: Path) -> Iterator[JsonLine | RejectedRow]:
    """Each line that is not blank, or why it is no object.

    Raises:
        CatalogError: the file cannot be read.
    """
    try:
        with open_bytes(path) as file:
            for number, (line, cut) in enumerate(byte_lines(file), start=1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if not line.strip():
                    continue
                found = f"line longer than {MAX_LINE:,} bytes" if cut else json_object(line)
                if isinstance(found, str):
                    yield RejectedRow(number, found, raw_text(line))
                else:
                    yield JsonLine(number, found, line)
    except OSError as error:
        raise unreadable(path, error) from None


def json_object(line: bytes) -> dict[str, Any] | str:
    """The object of a line, or why there is none."""
    try:
        tree = _decode(line.decode())
    except UnicodeDecodeError as error:
        return f"invalid UTF-8 at byte {error.start + 1} of the line"
    except json.JSONDecodeError as error:
        return f"no JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return "nested too deep"
    return tree if isinstance(tree, dict) else "not an object in braces"
