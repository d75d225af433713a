"""JSON Lines: one object a line, nested attributes as `k3m_kg.readers.mapped.nested` reads them.

Numbers stay as they are written, true and false are texts. Without a mapping file the fields with
the usual names of id, title, category and pictures are taken for these, and all others are
properties.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from k3m_kg.errors import CatalogError
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.compressed import read_head, unpacked_suffix
from k3m_kg.readers.json.lines import JsonLine, json_lines, json_object
from k3m_kg.readers.mapped.tree_rows import tree_records
from k3m_kg.readers.mapped.wrappers import unwrapped
from k3m_kg.readers.mapping import load_mapping, refuse_settings_of_others
from k3m_kg.records import CatalogRecord, RejectedRow

_SUFFIXES = {".jsonl", ".ndjson", ".jsonlines"}
_NOT_LINES = "read it with --format json, which takes the objects of an array one by one"


class JSONLinesReader:
    """Reads JSON Lines in UTF-8."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Strong if the first line is a JSON object, and not one of linked data."""
        return Confidence.STRONG if self._fits(path, head) else Confidence.NONE

    def _fits(self, path: Path, head: bytes) -> bool:
        first = head.removeprefix(codecs.BOM_UTF8).lstrip().split(b"\n", 1)[0]
        if not first.startswith(b"{"):
            return False
        if unpacked_suffix(path) in _SUFFIXES:
            return True
        if len(first) >= len(head) > 10_000:  # the line is longer than what we see of it
            return b'"@context"' not in first
        found = json_object(first)
        return not isinstance(found, str) and not any(key.startswith("@") for key in found)

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a line that is no object with an id is rejected alone.

        Raises:
            CatalogError: the file cannot be read, or its first hundred lines are no objects.
            MappingNeeded: there is no mapping, and no field is named as an id is.
            ConfigError: the mapping cannot be used.
        """
        settings = load_mapping(mapping) if mapping is not None else None
        if settings is not None:
            refuse_settings_of_others(settings, "jsonl", str(mapping))
        if _begins_as_list(path):
            raise CatalogError(
                "is one JSON document, not an object a line", where=str(path), hint=_NOT_LINES
            )
        lines = map(_unwrapped, json_lines(path))
        yield from tree_records(lines, settings, path, mapping)


def _unwrapped(line: JsonLine | RejectedRow) -> JsonLine | RejectedRow:
    """A line without what a database put around its object."""
    if isinstance(line, JsonLine) and (tree := unwrapped(line.tree)) is not line.tree:
        return line._replace(tree=tree)
    return line


def _begins_as_list(path: Path) -> bool:
    """Whether the first thing in a file is an array."""
    head = read_head(path, 1 << 12).removeprefix(codecs.BOM_UTF8).lstrip()
    return head.startswith(b"[")
