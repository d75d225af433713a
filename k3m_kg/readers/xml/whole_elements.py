"""The elements of certain names in an XML document, one after the other, with all they hold."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, ItemsView, Iterator, Mapping
from itertools import islice
from pathlib import Path

from k3m_kg.readers.memo import Memo
from k3m_kg.readers.xml.elements import MAX_DEPTH, ElementFinder, XmlElement, parsed
from k3m_kg.readers.xml.names import local_name
from k3m_kg.readers.xml.plain_trees import OddDocumentError, plain_parts
from k3m_kg.records import RejectedRow


def xml_elements(
    path: Path, wanted: Collection[str], *, namespaces: bool = True
) -> Iterator[XmlElement | RejectedRow]:
    """Each outermost element that has one of these names; one that is too large is rejected.

    Args:
        path: the document, packed or not.
        wanted: names of elements as `XmlElement.name` has them, or local names.
        namespaces: names have their namespace before them; else their prefix, as it is written.

    Raises:
        CatalogError: the file cannot be read, is not well-formed, is nested too deeply, or declares
            entities.
    """
    given = 0
    if namespaces:
        try:
            for found in plain_parts(path, wanted, _whole):
                given += 1
                yield found
        except OddDocumentError:
            pass
        else:
            return
    rows = parsed(path, _Elements(frozenset(wanted), namespaces))
    yield from islice(rows, given, None)


def _whole(source: ET.Element, line: int, _: int, depth: int) -> XmlElement:
    return _element(source, line, depth)


def _element(source: ET.Element, line: int, depth: int) -> XmlElement:
    """A tree as it is handed out; made without calls, since documents are elements of elements."""
    made = _new(XmlElement)
    made.name, made.local_name = _NAMES[source.tag]
    made.line = line
    made.attributes = _attributes(items) if (items := source.items()) else _NO_ATTRIBUTES
    texts = [source.text or ""]
    if not len(source):
        made.children = ()
        made.text = texts[0].strip()
        return made
    if depth >= MAX_DEPTH:
        raise OddDocumentError
    depth += 1
    made.children = children = []
    for child in source:
        if len(child):
            children.append(_element(child, line, depth))
        else:  # most are
            leaf = _new(XmlElement)
            leaf.name, leaf.local_name = _NAMES[child.tag]
            leaf.line = line
            leaf.attributes = _attributes(items) if (items := child.items()) else _NO_ATTRIBUTES
            leaf.children = ()
            leaf.text = inside.strip() if (inside := child.text) else ""
            children.append(leaf)
        if tail := child.tail:
            texts.append(tail)
    made.text = "".join(texts).strip()
    return made


_new = XmlElement.__new__
_NO_ATTRIBUTES: Mapping[str, str] = {}


def _attributes(items: ItemsView[str, str]) -> dict[str, str]:
    found = dict(items)
    if "{" in "".join(found):
        return {_NAMES[name][0]: value for name, value in items}
    return found


def _as_parsed(name: str) -> tuple[str, str]:
    """A name as the parser itself gives it, and without namespace or prefix."""
    namespace, mark, local = name.rpartition("}")
    return f"{namespace[1:]} {local}" if mark else name, local_name(name)


_NAMES = Memo(_as_parsed)


class _Elements(ElementFinder[XmlElement]):
    """Elements as small trees."""

    def __init__(self, wanted: frozenset[str], namespaces: bool) -> None:
        super().__init__(wanted, namespaces)
        self._open: list[tuple[XmlElement, list[XmlElement], list[str]]] = []

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    def begin(self, name: str, attributes: dict[str, str], line: int) -> None:
        element = XmlElement(name, attributes, self._begin)
        if self._open:
            self._open[-1][1].append(element)
        self._open.append((element, [], []))

    def add_text(self, text: str) -> None:
        self._open[-1][2].append(text)

    def end(self) -> XmlElement | None:
        element, children, texts = self._open.pop()
        element.children = children
        element.text = "".join(texts).strip()
        return None if self._open else element

    def forget(self) -> int:
        count = len(self._open)
        self._open.clear()
        return count
