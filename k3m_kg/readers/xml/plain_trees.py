"""Trees that are built in C: what `trees` and `whole_elements` give, in half the time.

The parser of `xml.etree` is expat as well, but it tells no lines, bounds nothing and takes whatever
entities a document declares. So it reads plain documents alone, and `OddDocumentError` says that
one is not: they begin anew then, and pass over what was given. Odd are a document type that
declares something within the document or does not lie elsewhere, an encoding that does not begin as
ASCII does, a long namespace, what is nested too deeply, what does not end within `_SPAN`, and every
mistake.

The lines come from the bytes: behind the document type `<offer` is a tag wherever it stands, but
in comments, CDATA and instructions.
"""

from __future__ import annotations

import html.entities
import re
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar
from xml.parsers import expat

from k3m_kg.readers.compressed import open_bytes
from k3m_kg.readers.memo import Memo
from k3m_kg.readers.xml.elements import BLANK, BLOCK, BOM, MAX_DEPTH, MAX_NAMESPACE
from k3m_kg.readers.xml.fields import ElementTree, tree_of
from k3m_kg.readers.xml.names import local_name

_SPAN = 1 << 18
"""Bytes that an element may go on for: it cannot have more elements than are allowed then."""
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_ENCODING = re.compile(r"utf-?8|us-ascii|ascii|iso-8859-\d+|(windows-|cp)125\d", re.IGNORECASE)
_DECLARATION = re.compile(rb"<\?xml\s[^>]*\?>")
_DOCTYPE = b'<!DOCTYPE x SYSTEM "">'
"""As if there were a document type elsewhere: an unknown entity is no mistake then."""
_ENTITIES = {
    name.removesuffix(";"): text for name, text in html.entities.html5.items() if name.endswith(";")
}
_SECTION = re.compile(rb"<(?:!(?:\[CDATA\[|--)?|\?)")
_SECTION_ENDS = {b"<![CDATA[": b"]]>", b"<!--": b"-->", b"<?": b"?>"}
_SHORT_NAMESPACE = re.compile(
    rb"xmlns(?::[^\s=<>]{1,200})?\s{0,9}=\s{0,9}(?:\"[^\"<]{0,%d}\"|'[^'<]{0,%d}')"
    % (MAX_NAMESPACE, MAX_NAMESPACE)
)


class OddDocumentError(Exception):
    """A document has to be read by the other parser."""


Part = TypeVar("Part")
Made = Callable[[ET.Element, int, int, int], Part]
"""What is made of an element, its line, about how many bytes it has, and its depth."""


def plain_trees(path: Path, wanted: Collection[str]) -> Iterator[ElementTree]:
    """Each outermost element that has one of these names.

    Raises:
        OddDocumentError: the document has to be read by the other parser, from the beginning.
    """
    return plain_parts(path, wanted, _tree)


def _tree(element: ET.Element, line: int, size: int, depth: int) -> ElementTree:
    if any(map(len, element)) or depth >= MAX_DEPTH:
        _see_depth(element, depth)
        return ElementTree(line, size, tree_of(element))
    return ElementTree(line, size, element=element)


def plain_parts(path: Path, wanted: Collection[str], made: Made[Part]) -> Iterator[Part]:
    """What is made of each outermost element that has one of these names.

    Raises:
        OddDocumentError: the document has to be read by the other parser, from the beginning.
    """
    if not all(map(_NAME.fullmatch, wanted)):
        raise OddDocumentError
    try:
        with open_bytes(path) as file:
            block = file.read(BLOCK)
            begin = block.removeprefix(BOM).lstrip(BLANK)
            line = 1 + block.count(b"\n", 0, -len(begin) or None)
            found = _PlainTrees(frozenset(wanted), line, made)
            found.begin(begin, _see_prolog(begin))
            while block := file.read(BLOCK):
                yield from found.more(block)
            yield from found.rest()
    except (ET.ParseError, OSError, ValueError, LookupError):
        raise OddDocumentError from None


def _see_prolog(head: bytes) -> int:
    """See that a document is plain up to its first element, which begins in its head.

    Returns:
        where its document type ends; 0 if it has none.

    Raises:
        OddDocumentError: it is not.
    """
    parser = expat.ParserCreate()
    begun: list[str] = []
    ends: list[int] = []

    def declared(version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and not _ENCODING.fullmatch(encoding):
            raise OddDocumentError

    def typed(name: str, system: str | None, public: str | None, is_internal: bool) -> None:
        if is_internal or system is None:
            raise OddDocumentError

    def type_ended() -> None:
        ends.append(head.index(b">", parser.CurrentByteIndex) + 1)

    def start(name: str, attributes: dict[str, str]) -> None:
        begun.append(name)
        parser.StartElementHandler = None

    parser.XmlDeclHandler = declared
    parser.StartDoctypeDeclHandler = typed
    parser.EndDoctypeDeclHandler = type_ended
    parser.StartElementHandler = start
    with suppress(expat.ExpatError):
        parser.Parse(head, False)
    if not begun or not head.startswith(b"<"):
        raise OddDocumentError
    return ends[0] if ends else 0


class _PlainTrees(Generic[Part]):
    """What was found since it was last asked.

    Args:
        line: of the first byte.
    """

    def __init__(self, wanted: frozenset[str], line: int, made: Made[Part]) -> None:
        self._wanted = wanted
        self._made = made
        self._names = Memo(local_name)
        self._builder = ET.TreeBuilder()
        self._parser = ET.XMLParser(target=self._builder)  # noqa: S314  (no document type)
        self._parser.entity.update(_ENTITIES)
        names = b"|".join(re.escape(name).encode() for name in sorted(wanted))
        self._start = re.compile(rb"<(?:[^\s<>/:=!?\"']+:)?(?:%s)(?=[\s/>])" % names)
        self._unprefixed = re.compile(rb"<(?:%s)(?=[\s/>])" % names)
        self._prefixed = re.compile(rb":(?:%s)[\s/>]" % names)
        self._line = line
        self._starts: deque[int] = deque()
        self._left = b""
        self._last: ET.Element | None = None
        self._same = 0

    def begin(self, head: bytes, place: int) -> None:
        """The first bytes, none of them blank, and where the document type among them ends."""
        if place:
            self._parser.feed(head[:place])
        else:
            declaration = _DECLARATION.match(head)
            place = declaration.end() if declaration else 0
            self._parser.feed(head[:place] + _DOCTYPE)
        self._line += _lines(head, 0, place)
        self._left = head[place:]

    def more(self, block: bytes) -> Iterator[Part]:
        """What ends in what there is so far, but for the last element: it may go on."""
        data = self._left + block
        end, starts = self._tags(data)
        self._left = data[end:]
        if len(self._left) > _SPAN:
            raise OddDocumentError
        yield from self._read(data[:end], starts, False)

    def rest(self) -> Iterator[Part]:
        """What ends with the document."""
        data = self._left
        yield from self._read(data, self._tags(data)[1], True)

    def _tags(self, data: bytes) -> tuple[int, list[int]]:
        """Up to where it can be read, and where wanted elements begin up to there."""
        found = (self._start if self._prefixed.search(data) else self._unprefixed).finditer(data)
        if b"<!" not in data and b"<?" not in data:
            end = data.rfind(b">") + 1
            return end, [start for one in found if (start := one.start()) < end]
        sections: list[tuple[int, int]] = []
        place, end = 0, len(data)
        while opening := _SECTION.search(data, place):
            mark = _SECTION_ENDS.get(opening[0])
            place = data.find(mark, opening.end()) if mark is not None else -1
            if mark is None or place < 0:  # it does not end here
                end = opening.start()
                break
            place += len(mark)
            sections.append((opening.start(), place))
        end = data.rfind(b">", 0, end) + 1
        starts, behind = [], iter(sections)
        begin, close = next(behind, (end, end))
        for one in found:
            if (start := one.start()) >= end:
                break
            while close <= start < end:
                begin, close = next(behind, (end, end))
            if start < begin:
                starts.append(start)
        return end, starts

    def _read(self, data: bytes, starts: list[int], is_rest: bool) -> Iterator[Part]:
        if b"xmlns" in data and data.count(b"xmlns") != len(_SHORT_NAMESPACE.findall(data)):
            raise OddDocumentError
        place, line = 0, self._line
        plain = b"\r" not in data
        for start in starts:
            line += data.count(b"\n", place, start) if plain else _lines(data, place, start)
            place = start
            self._starts.append(line)
        self._line = line + _lines(data, place, len(data))
        self._parser.feed(data)
        if is_rest:
            self._parser.close()
        found, open_element = self._ended(is_rest)
        lines = self._lines_of(found, open_element is not None)
        size = len(data) // len(found) if found else 0
        made = self._made
        for (element, depth), line in zip(found, lines, strict=True):
            yield made(element, line, size, depth)

    def _ended(self, is_rest: bool) -> tuple[list[tuple[ET.Element, int]], ET.Element | None]:
        """Wanted elements that have ended, with their depth, and the one that may go on.

        What has ended is taken out of the tree, so that it stays small. Of an element that may go
        on all that it holds has ended but for its last element.
        """
        found: list[tuple[ET.Element, int]] = []
        last: ET.Element | None = self._builder.close()  # so far: it does not close anything
        if last is None:
            return found, None
        depth = 1
        while not self._is_wanted(last):
            ended = len(last) - (not is_rest)
            for element in last[: max(ended, 0)]:
                self._find(element, depth + 1, found)
            if is_rest or ended < 0:
                break
            del last[:ended]
            last = last[0]
            depth += 1
            if depth > MAX_DEPTH:
                raise OddDocumentError
        is_open = self._is_wanted(last)
        if is_rest:
            return ([*found, (last, depth)] if is_open else found), None
        self._same = self._same + 1 if last is self._last else 0
        self._last = last
        if (self._same + 1) * BLOCK > _SPAN:
            raise OddDocumentError
        return found, last if is_open else None

    def _find(self, element: ET.Element, depth: int, found: list[tuple[ET.Element, int]]) -> None:
        if self._is_wanted(element):
            found.append((element, depth))
            return
        if depth >= MAX_DEPTH:
            raise OddDocumentError
        names, wanted = self._names, self._wanted
        for inner in element:
            if len(inner) or names[inner.tag] in wanted:
                self._find(inner, depth + 1, found)

    def _is_wanted(self, element: ET.Element) -> bool:
        return self._names[element.tag] in self._wanted

    def _lines_of(self, found: list[tuple[ET.Element, int]], is_open: bool) -> list[int]:
        """The line of each element."""
        starts = self._starts
        if len(starts) != len(found) + is_open:  # some have wanted ones within
            return self._lines_of_outermost(found, is_open)
        return [starts.popleft() for _ in found]

    def _lines_of_outermost(self, found: list[tuple[ET.Element, int]], is_open: bool) -> list[int]:
        lines: list[int] = []
        for element, _ in found:
            within = [self._starts.popleft() for _ in filter(self._is_wanted, element.iter())]
            lines.append(within[0])
        if bool(self._starts) != is_open:
            raise OddDocumentError
        return lines


def _see_depth(element: ET.Element, depth: int) -> None:
    """See that what an element holds is not too deep.

    Raises:
        OddDocumentError: it is.
    """
    if depth >= MAX_DEPTH:
        raise OddDocumentError
    for inner in element:
        if len(inner):
            _see_depth(inner, depth + 1)


def _lines(data: bytes, start: int, end: int) -> int:
    """Lines that end there, some with a carriage return."""
    carried = data.count(b"\r", start, end) - data.count(b"\r\n", start, end)
    return data.count(b"\n", start, end) + carried
