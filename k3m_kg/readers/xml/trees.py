"""Elements of XML as objects: attributes and elements are fields by their local names.

An element without either is its text; beside either its text is `value`. Several of one name are a
list.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.memo import Memo
from k3m_kg.readers.xml.elements import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    ElementFinder,
    parsed,
)
from k3m_kg.records import RejectedRow

_TEXT = "value"


class ElementTree(NamedTuple):
    """An element.

    Attributes:
        line: where it begins, from 1.
        tree: what it holds; of an element that is a text, that text as a field `value`.
        size: characters in it, about.
    """

    line: int
    tree: dict[str, Any]
    size: int

    def text(self) -> str:
        """What is reported of it, if it is rejected."""
        return raw_text(json.dumps(self.tree, ensure_ascii=False))


def xml_trees(path: Path, wanted: Collection[str]) -> Iterator[ElementTree | RejectedRow]:
    """Each outermost element that has one of these names; one that is too large is rejected.

    Raises:
        CatalogError: the file cannot be read, is not well-formed, is nested too deeply, or declares
            entities.
    """
    return parsed(path, _Trees(frozenset(wanted), namespaces=True))


def _local(name: str) -> str:
    return name.rpartition(" ")[2].rpartition(":")[2]


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
        self._names = Memo(_local)

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    def begin(self, name: str, attributes: dict[str, str], line: int) -> None:
        tree: dict[str, Any] | None = None
        if attributes:
            tree = {}
            for key, value in attributes.items():
                _add(tree, self._names[key], value)
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
                _add(tree, _TEXT, text)
            value = tree
        if not self._open:
            found = value if tree is not None else {_TEXT: value}
            return ElementTree(self._begin, found, self._characters)
        above = self._open[-1]
        if above.tree is None:
            above.tree = {ended.name: [value] if tree is not None and _TEXT in tree else value}
        else:
            _add(above.tree, ended.name, value)
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


def _add(tree: dict[str, Any], name: str, value: Any) -> None:
    if name not in tree:
        # In a list an object may be a name and a value, or a text in a language.
        tree[name] = [value] if type(value) is dict and _TEXT in value else value
    elif isinstance(tree[name], list):
        tree[name].append(value)
    else:
        tree[name] = [tree[name], value]
