"""The items of a JSON document's lists, by the keys that these stand under, for plugins."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.compressed import open_bytes, unreadable
from k3m_kg.readers.json.text import JsonText
from k3m_kg.records import RejectedRow


class JsonItem(NamedTuple):
    """An object in a list of a document.

    Attributes:
        key: that the list stands under; empty for an object of the outermost list.
        line: where it begins, from 1.
        tree: the object; numbers are texts as they are written.
        written: its text.
    """

    key: str
    line: int
    tree: dict[str, Any]
    written: str

    def rejected(self, reason: str) -> RejectedRow:
        """The object as one that is no product, and why."""
        return RejectedRow(self.line, reason, _shown(self.written))


def json_sections(path: Path, keys: Collection[str]) -> Iterator[JsonItem | RejectedRow]:
    """Each object of the lists under these keys, one after the other.

    The keys are those of the outermost object, or of the objects of the outermost list; an object
    of that list whose first key is none of them is an item itself.

    Raises:
        CatalogError: the file cannot be read, or is no JSON.
    """
    try:
        with open_bytes(path) as file:
            for key, line, tree, text in JsonText(file, path).sections(keys):
                if isinstance(tree, dict):
                    yield JsonItem(key, line, tree, text)
                else:
                    why = "not an object in braces" if text else "too long or nested too deep"
                    yield RejectedRow(line, why, _shown(text))
    except OSError as error:
        raise unreadable(path, error) from None


def _shown(text: str) -> str:
    return raw_text(text.replace("\r", " ").replace("\n", " "))
