"""A JSON document: an array of products, or objects around one, read as JSON Lines are.

The document is streamed: one product is held at a time. Where the products are is told from its
first part (`k3m_kg.readers.json.outline`); `items` names another list, such as
`data.products.edges`.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.errors import CatalogError
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.compressed import open_bytes, unpacked_suffix, unreadable
from k3m_kg.readers.json.frames import row_of
from k3m_kg.readers.json.outline import Outline, notes, outline
from k3m_kg.readers.json.text import JsonText
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.readers.mapped.json_api import Included, TooMuchError
from k3m_kg.readers.mapped.tree_rows import tree_records
from k3m_kg.readers.mapped.wrappers import unwrapped
from k3m_kg.readers.mapping import load_mapping, refuse_settings_of_others
from k3m_kg.records import CatalogRecord, Note, RejectedRow

_LINES = {".jsonl", ".ndjson", ".jsonlines"}
_SURE = 0.8
"""Above JSON Lines, of which a document on one line also has the looks."""
_ARRAY = re.compile(rb"\[\s*(?:\{|\])")
_INCLUDED = "included"
"""Key of what the resources of JSON:API are related to."""
_LINKED = re.compile(rb'"@(?:context|graph|id|type)"')


class JSONDocumentReader:
    """Reads the products in one JSON document, UTF-8."""

    def __init__(self, items: str = "") -> None:
        self._items = [key for key in items.split(".") if key]

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if it is an array of objects, or one object around a list of them."""
        text = head.removeprefix(codecs.BOM_UTF8).lstrip()
        if _LINKED.search(text):
            return Confidence.NONE
        first, _, rest = text.partition(b"\n")
        is_lines = unpacked_suffix(path) in _LINES or (
            text.startswith(b"{") and rest.strip().startswith(b"{") and _is_whole(first)
        )
        if _ARRAY.match(text):
            return Confidence.NONE if is_lines else _SURE
        if not text.startswith(b"{"):
            return Confidence.NONE
        found = outline(text.decode(errors="replace"))
        if found is None or (is_lines and not found.is_paged):
            return Confidence.NONE
        if found.kind == "objects" and _is_whole(first):
            return Confidence.NONE  # JSON Lines with one line
        return _SURE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; what is no object with an id is rejected alone.

        Raises:
            CatalogError: the file cannot be read, is no JSON, or has no list of products.
            ConfigError: the mapping cannot be used, or there is none and no field is named as
                an id is.
        """
        settings = load_mapping(mapping) if mapping is not None else None
        if settings is not None:
            refuse_settings_of_others(settings, "json", str(mapping))
        try:
            with open_bytes(path) as file, ExitStack() as stack:
                document = JsonText(file, path)
                head = document.begin()
                found = None if self._items else outline(head)
                included = None
                if '"relationships"' in head and _keys(found, self._items) == ["data"]:
                    included = stack.enter_context(closing(Included()))
                    if not _keep_included(included, path):
                        included = None
                items: Iterator[tuple[int, Any, str]]
                if found is None:
                    items = document.items(list(self._items))
                elif found.kind == "objects":
                    items = document.objects()
                elif found.kind == "one":
                    items = document.one("data")
                elif found.kind == "columns":
                    yield from map(Note, notes(found))
                    items = document.columns()
                else:
                    if included is not None:
                        others = [name for name in found.others if name.split(".")[0] != _INCLUDED]
                        found = replace(found, others=tuple(others))
                    yield from map(Note, notes(found))
                    items = document.items(list(found.keys), found)
                    if found.kind == "split":
                        items = _rows(items, found.columns)
                objects = _objects(items, path, included)
                yield from tree_records(objects, settings, path, mapping)
                if included is not None and (note := included.note()):
                    yield Note(note)
        except OSError as error:
            raise unreadable(path, error) from None


class _Item(NamedTuple):
    """An object of the list."""

    line: int
    tree: dict[str, Any]
    written: str

    @property
    def size(self) -> int:
        return len(self.written)

    def text(self) -> str:
        return raw_text(self.written.replace("\r", " ").replace("\n", " "))


def _rows(
    items: Iterator[tuple[int, Any, str]], columns: Sequence[str]
) -> Iterator[tuple[int, Any, str]]:
    """Lists of cells as objects."""
    for line, cells, text in items:
        fits = isinstance(cells, list) and len(cells) == len(columns)
        yield line, row_of(columns, cells) if fits else cells, text


def _keys(found: Outline | None, items: list[str]) -> list[str]:
    """Where the products are."""
    return list(found.keys) if found is not None else items


def _keep_included(included: Included, path: Path) -> bool:
    """Read what stands beside the products of a document; whether there is any."""
    with open_bytes(path) as file:
        return included.add(JsonText(file, path).beside(_INCLUDED))


def _objects(
    items: Iterator[tuple[int, Any, str]], path: Path, included: Included | None
) -> Iterator[_Item | RejectedRow]:
    """The objects among the items, and why others are none.

    Raises:
        CatalogError: there is not one.
    """
    any_object = False
    for line, tree, text in items:
        if isinstance(tree, dict):
            any_object = True
            try:
                yield _Item(line, unwrapped(tree, included), text)
            except TooMuchError:
                why = f"is related to more than {MAX_LINE:,} characters"
                yield RejectedRow(line, why, raw_text(text))
        else:
            why = "not an object in braces" if text else "too long or nested too deep"
            yield RejectedRow(line, why, raw_text(text))
    if not any_object:
        raise CatalogError("there is no product in this document", where=str(path))


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
