"""An element of XML as an object: its attributes and elements are fields, by their local names.

An element without either is its text; beside either its text is `value`. Several of one name are a
list.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.memo import Memo
from k3m_kg.readers.xml.names import local_name

TEXT = "value"
"""The field that is the text of an element with attributes or elements."""


class ElementTree:
    """An element.

    Args:
        tree: what it holds, if its elements hold others.

    Attributes:
        line: where it begins, from 1.
        size: characters in it, about.
        element: itself, if its elements hold none.
    """

    __slots__ = ("_tree", "element", "line", "size")

    def __init__(
        self,
        line: int,
        size: int,
        tree: dict[str, Any] | None = None,
        element: ET.Element | None = None,
    ) -> None:
        self.line = line
        self.size = size
        self.element = element
        self._tree = tree

    @property
    def tree(self) -> dict[str, Any]:
        """What it holds; of an element that is a text, that text as a field `value`."""
        if self._tree is None:
            self._tree = tree_of(self.element) if self.element is not None else {}
        return self._tree

    def text(self) -> str:
        """What is reported of it, if it is rejected."""
        return raw_text(json.dumps(self.tree, ensure_ascii=False))


def tree_of(element: ET.Element) -> dict[str, Any]:
    """An element as an object; it must not be nested deeply."""
    tree: dict[str, Any] = {}
    for key, text in element.items():
        add_field(tree, _NAMES[key], text)
    texts = element.text or ""
    for inner in element:
        value: Any
        if len(inner) or inner.items():
            value = tree_of(inner)
        else:
            value = within.strip() if (within := inner.text) else ""
        add_field(tree, _NAMES[inner.tag], value)
        texts += inner.tail or ""
    if (texts := texts.strip()) or not tree:
        add_field(tree, TEXT, texts)
    return tree


def add_field(tree: dict[str, Any], name: str, value: Any) -> None:
    """One more field of an object."""
    if name not in tree:
        # In a list an object may be a name and a value, or a text in a language.
        tree[name] = [value] if type(value) is dict and TEXT in value else value
    elif isinstance(tree[name], list):
        tree[name].append(value)
    else:
        tree[name] = [tree[name], value]


_NAMES = Memo(local_name)
