"""The elements of a certain name in an XML document, one after the other, as small trees.

The parser is expat. Nothing is fetched, no entity is declared (so none can be nested into a bomb),
and depth, size and number of what an element holds are bounded: what is larger is rejected alone.
References to the entities of HTML, which shops write without declaring them, are read as these.
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar
from xml.parsers import expat

from k3m_kg.errors import CatalogError
from k3m_kg.readers.compressed import open_bytes, unreadable
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.readers.memo import Memo
from k3m_kg.readers.xml.names import local_name
from k3m_kg.records import RejectedRow

MAX_DEPTH = 128
"""Levels that a document may be nested."""
MAX_CHARACTERS = 2 * MAX_LINE
"""Characters of text and attributes that an element may hold."""
MAX_ELEMENTS = 100_000
"""Elements that an element may hold."""
MAX_TAG = 4 * MAX_CHARACTERS
"""Bytes of a tag or a comment: the parser keeps them, and begins anew with every block."""
MAX_NAMESPACE = 512
"""Characters: each name of an element has them before it."""
MAX_DEFAULTS = 4096
"""Characters of attributes that a document type fills in: each element of a name has them."""
BLOCK = 1 << 16
"""Bytes that are parsed at once."""
_Part = TypeVar("_Part")
_NEVER = 0
BLANK = b" \t\r\n"
BOM = b"\xef\xbb\xbf"


class XmlElement:
    """An element with all that it holds.

    Attributes:
        name: with the namespace before it, `https://example.org/ns name`; or as it is written.
        local_name: the name without namespace or prefix.
        attributes: by name, as they are written.
        children: elements directly in it, in order.
        text: the text directly in it, without surrounding blanks.
        line: where it begins, from 1; of an element within a wanted one, where that begins.
    """

    __slots__ = ("attributes", "children", "line", "local_name", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.local_name = _LOCAL[name]
        self.attributes: Mapping[str, str] = attributes
        self.children: Sequence[XmlElement] = ()
        self.text = ""
        self.line = line

    def first(self, *path: str) -> XmlElement | None:
        """The first element at a path of local names, if there is one."""
        found = self
        for name in path:
            for child in found.children:
                if child.local_name == name:
                    found = child
                    break
            else:
                return None
        return found

    def all(self, name: str) -> list[XmlElement]:
        """The children of a local name."""
        return [child for child in self.children if child.local_name == name]

    def text_of(self, *path: str) -> str:
        """The text of the first element at a path; empty where there is none."""
        found = self.first(*path)
        return found.text if found is not None else ""


_LOCAL = Memo(local_name)


def parsed(path: Path, found: ElementFinder[_Part]) -> Iterator[_Part | RejectedRow]:
    """What is found in a document.

    Raises:
        CatalogError: the file cannot be read, is not well-formed, is nested too deeply, or declares
            entities.
    """
    parser, line, given = found.parser, 0, 0
    try:
        with open_bytes(path) as file:
            block = file.read(BLOCK)
            begin = block.removeprefix(BOM).lstrip(BLANK)
            line = block.count(b"\n", 0, len(block) - len(begin))
            found.line_before = line
            block = begin
            while True:
                parser.Parse(block, not block)
                yield from found.taken()
                given += len(block)
                if 0 <= parser.CurrentByteIndex < given - MAX_TAG:
                    raise _RefusedError(f"a tag or a comment of more than {MAX_TAG >> 20} MiB")
                if not block:
                    return
                block = file.read(BLOCK)
    except expat.ExpatError as error:
        yield from found.taken()
        raise CatalogError(
            f"no well-formed XML: {expat.ErrorString(error.code)}",
            where=f"{path}:{error.lineno + line}",
        ) from None
    except _RefusedError as error:
        yield from found.taken()
        raise CatalogError(
            str(error), where=f"{path}:{parser.CurrentLineNumber + line}", hint=error.hint
        ) from None
    except (ValueError, LookupError) as error:  # an encoding that the parser cannot take
        raise CatalogError(
            f"is in an encoding that is not read here: {error}",
            where=str(path),
            hint="write it as UTF-8",
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None


def sniffed_elements(head: bytes, count: int = 100) -> list[XmlElement]:
    """The first elements in the beginning of a file, without what they hold; for `sniff`.

    Empty if it is no XML; also what comes before a mistake is given.
    """
    begin = head.removeprefix(BOM).lstrip(BLANK)
    utf16 = begin.startswith((b"\xff\xfe<", b"\xfe\xff\0<"))
    if not begin.startswith(b"<") and not utf16:
        return []
    found: list[XmlElement] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.UseForeignDTD(True)
    parser.EntityDeclHandler = _refuse_entities

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append(XmlElement(name, attributes, parser.CurrentLineNumber))
        if len(found) >= count:
            raise _EnoughError

    parser.StartElementHandler = start
    with suppress(expat.ExpatError, _EnoughError, _RefusedError, ValueError, LookupError):
        parser.Parse(begin, False)
    return found


class _EnoughError(Exception):
    pass


class _RefusedError(Exception):
    """Why a document is not read."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.hint = hint


def _refuse_entities(*_: object) -> None:
    raise _RefusedError(
        "declares entities, which can be nested into a bomb",
        "write the document without them, for example with `xmllint --noent --dropdtd`",
    )


def _check_namespace(prefix: str | None, name: str | None) -> None:
    if name is not None and len(name) > MAX_NAMESPACE:
        raise _RefusedError(f"a namespace of more than {MAX_NAMESPACE} characters")


class ElementFinder(ABC, Generic[_Part]):
    """What the parser calls, and what was found since it was last asked.

    The outermost elements of the wanted names count; what is made of them, a subclass says.
    """

    def __init__(self, wanted: frozenset[str], namespaces: bool) -> None:
        self._wanted = wanted
        self._done: list[_Part | RejectedRow] = []
        self._depth = 0
        self._too_large_from = 0
        self._characters = self._elements = self._defaults = 0
        self._name = ""
        self._begin = 0
        self.line_before = 0
        self.parser = parser = expat.ParserCreate(namespace_separator=" " if namespaces else None)
        parser.SetParamEntityParsing(_NEVER)
        # As if there were a document type elsewhere: an unknown entity is no mistake then.
        parser.UseForeignDTD(True)
        parser.buffer_text = True
        parser.EntityDeclHandler = _refuse_entities
        parser.AttlistDeclHandler = self._default
        parser.StartNamespaceDeclHandler = _check_namespace
        parser.SkippedEntityHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def taken(self) -> list[_Part | RejectedRow]:
        """What was found since the last call."""
        done, self._done = self._done, []
        return done

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether the parser stands in a wanted element."""

    @abstractmethod
    def begin(self, name: str, attributes: dict[str, str], line: int) -> None:
        """An element that is wanted, or stands in one."""

    @abstractmethod
    def add_text(self, text: str) -> None:
        """A text of the innermost element."""

    @abstractmethod
    def end(self) -> _Part | None:
        """The innermost element ends; what is found, if it is the outermost."""

    @abstractmethod
    def forget(self) -> int:
        """Give the open elements up; how many they were."""

    def line(self) -> int:
        """Where the parser stands."""
        return self.parser.CurrentLineNumber + self.line_before

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _RefusedError(f"nested more than {MAX_DEPTH} levels deep")
        if self._too_large_from:
            return
        if self.is_open:
            self.begin(name, attributes, 0)
            self._elements += 1
            self._characters += len(name)
            if attributes:
                self._characters += sum(map(len, attributes)) + sum(map(len, attributes.values()))
            if self._elements > MAX_ELEMENTS or self._characters > MAX_CHARACTERS:
                self._too_large()
        elif name in self._wanted or name.rpartition(" ")[2] in self._wanted:
            self._characters = self._elements = 0
            self._name, self._begin = name, self.line()
            self.begin(name, attributes, self._begin)

    def _end(self, name: str) -> None:
        if self._too_large_from == self._depth:
            self._too_large_from = 0
        elif self.is_open and (found := self.end()) is not None:
            self._done.append(found)
        self._depth -= 1

    def _text(self, text: str) -> None:
        if self.is_open:
            self.add_text(text)
            self._characters += len(text)
            if self._characters > MAX_CHARACTERS:
                self._too_large()

    def _entity(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            self._text(html.unescape(f"&{name};"))

    def _default(self, element: str, name: str, kind: str, value: str | None, _: object) -> None:
        if value is not None:
            self._defaults += len(name) + len(value)
            if self._defaults > MAX_DEFAULTS:
                raise _RefusedError(
                    f"its document type fills in attributes of more than {MAX_DEFAULTS:,} "
                    "characters",
                    "write the document without it, for example with `xmllint --dropdtd`",
                )

    def _too_large(self) -> None:
        # It is left where it began: what follows in it is passed over.
        self._too_large_from = self._depth - self.forget() + 1
        why = f"an element of more than {MAX_CHARACTERS:,} characters or {MAX_ELEMENTS:,} elements"
        self._done.append(RejectedRow(self._begin, why, f"<{self._name}>"[:200]))
