"""The elements of a certain name in an XML document, one after the other, as objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from k3m_kg.readers.memo import Memo
from k3m_kg.readers.xml.elements import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    ElementFinder,
    parsed,
)
from k3m_kg.readers.xml.fields import TEXT, ElementTree, add_field
from k3m_kg.readers.xml.names import local_name
from k3m_kg.readers.xml.plain_trees import OddDocumentError, plain_trees
from k3m_kg.records import RejectedRow


def xml_trees(path: Path, wanted: Collection[str]) -> Iterator[ElementTree | RejectedRow]:
    """Each outermost element that has one of these names; one that is too large is rejected.

    Raises:
        CatalogError: the file cannot be read, is not well-formed, is nested too deeply, or declares
            entities.
    """
    given = 0
    try:
        for found in plain_trees(path, wanted):
            given += 1
            yield found
    except OddDocumentError:
        trees = parsed(path, _Trees(frozenset(wanted), namespaces=True))
        yield from islice(trees, given, None)


class _Open:
    """An element that has not ended."""

    __slots__ = ("name", "text", "tree")

    def __init__(self, name: str, tree: dict[str, Any] | None) -> None:
        self.name = name
        self.tree = tree
        self.text = ""


class _Trees(ElementFinder[ElementTree]):
    """Elements as objects.

    The handlers are called for everything in a document, so what others do in several methods
    is one for each here.
    """

    def __init__(self, wanted: frozenset[str], namespaces: bool) -> None:
        super().__init__(wanted, namespaces)
        self._open: list[_Open] = []
        self._names = Memo(local_name)

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    def begin(self, name: str, attributes: dict[str, str], line: int) -> None:
        tree: dict[str, Any] | None = None
        if attributes:
            tree = {}
            for key, value in attributes.items():
                add_field(tree, self._names[key], value)
        self._open.append(_Open(self._names[name], tree))

    def add_text(self, text: str) -> None:
        self._open[-1].text += text

    def end(self) -> ElementTree | None:
        ended = self._open.pop()
        tree, text = ended.tree, ended.text.strip()
        if tree is None:
            value: Any = text
        else:
            if text:
                add_field(tree, TEXT, text)
            value = tree
        if not self._open:
            found = value if tree is not None else {TEXT: value}
            return ElementTree(self._begin, self._characters, found)
        above = self._open[-1]
        if above.tree is None:
            above.tree = {ended.name: [value] if tree is not None and TEXT in tree else value}
        else:
            add_field(above.tree, ended.name, value)
        return None

    def forget(self) -> int:
        count = len(self._open)
        self._open.clear()
        return count

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if (
            attributes
            or not self._open
            or self._elements > MAX_ELEMENTS
            or self._depth >= MAX_DEPTH
        ):
            super()._start(name, attributes)
        else:
            self._depth += 1
            self._characters += len(name)
            self._open.append(_Open(self._names[name], None))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text
            self._characters += len(text)
            if self._characters > MAX_CHARACTERS:
                self._too_large()
