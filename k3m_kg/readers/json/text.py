"""The text of a JSON document as a stream: one item of a list is held at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from k3m_kg.errors import CatalogError
from k3m_kg.readers.json.frames import MAX_COLUMNS_TEXT, rows_of
from k3m_kg.readers.json.lines import scan_json
from k3m_kg.readers.json.outline import OUTLINED, Outline
from k3m_kg.readers.lines import MAX_LINE

_BLOCK = 1 << 16
_MAX_KEY = 1000
_AHEAD = 4096
_BLANK = re.compile(r"[ \t\r\n]*")
_MARK = re.compile(r'["\[\]{}]')
_TEXT_END = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OF_OBJECTS = re.compile(r"\[\s*\{")
_FIRST_KEY = re.compile(r'\{\s*"([^"\\]*)"')
_SCALAR = re.compile(r"[^,\]}\s]*")


class JsonText:
    """The text of a document, of which a part is held."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._ended = False
        self._line = 1

    def begin(self) -> str:
        """The first part of the document, from what is not blank on."""
        self._next()
        while not self._ended and len(self._text) < OUTLINED:
            self._more()
        return self._text[self._at : self._at + OUTLINED]

    def objects(self) -> Iterator[tuple[int, Any, str]]:
        """Line, value and text of each object, one after the other."""
        while mark := self._next():
            if mark != "{":
                raise self._wrong(f"there is {mark!r} where an object belongs")
            yield self._item()

    def columns(self) -> Iterator[tuple[int, Any, str]]:
        """Line, value and text of each row of a table that is written column by column."""
        if not self._hold(MAX_COLUMNS_TEXT):
            raise CatalogError(
                f"a table written column by column, of more than {MAX_COLUMNS_TEXT >> 20} MiB",
                where=str(self._path),
                hint='write it with `DataFrame.to_json(..., orient="records", lines=True)`',
            )
        line, table, text = self._item(MAX_COLUMNS_TEXT)
        if not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
            yield line, table, text
            return
        for row in rows_of(table):
            yield line, row, json.dumps(row, ensure_ascii=False, default=str)

    def items(
        self, keys: list[str], found: Outline | None = None
    ) -> Iterator[tuple[int, Any, str]]:
        """Line, value and text of each item of the list; no text of one that is too much.

        Args:
            keys: of the objects around it.
            found: what is known of the document.
        """
        while True:
            depth = self._find_list(list(keys), is_known=found is not None or bool(keys))
            if self._next() == "{":
                yield from self._members(found is None or found.is_named)
            else:
                yield from self._listed()
            if found is None or not found.is_paged:
                return
            self._pass_rest(depth)
            if not self._next():
                return

    def one(self, key: str) -> Iterator[tuple[int, Any, str]]:
        """Line, value and text of the one product at a key."""
        self._find_list([key], is_known=True)
        yield self._item()

    def beside(self, key: str) -> Iterator[tuple[int, Any, str]]:
        """Line, value and text of each item at a key on top: a list, or lists under keys.

        There may be several documents; one without such a key has none.
        """
        while self._next() == "{":
            for name in self._keys():
                if name == key and self._next() == "{":
                    for _ in self._keys():
                        yield from self._listed_or_passed()
                elif name == key:
                    yield from self._listed_or_passed()
                else:
                    for _ in self._listed_or_passed():  # quicker than to look for its end
                        pass

    def sections(self, keys: Collection[str]) -> Iterator[tuple[str, int, Any, str]]:
        """Key, line, value and text of each item of the lists under these keys.

        They stand in the outermost object, or in objects of the outermost list; an object there
        whose first key is none of them is an item without a key.
        """
        is_list = self._next() == "["
        if is_list:
            self._skip(1)
        while (mark := self._next()) == "{" or (is_list and mark not in "]"):
            if mark == "{" and (not is_list or self._first_key() in keys):
                for key in self._keys():
                    for item in self._listed_or_passed():
                        if key in keys:
                            yield key, *item
            else:
                yield "", *self._item()
            if self._next() != ",":
                break
            self._skip(1)
        if is_list:
            self._expect("]")

    def _first_key(self) -> str:
        """The first key of the object that begins here."""
        while not self._ended and len(self._text) - self._at < _AHEAD:
            self._more()
        found = _FIRST_KEY.match(self._text, self._at)
        return found[1] if found else ""

    def _keys(self) -> Iterator[str]:
        """Each key of an object; who asks goes behind its value before the next."""
        self._expect("{")
        while self._next() == '"':
            key = self._value(_MAX_KEY)
            self._expect(":")
            yield key
            if self._next() != ",":
                break
            self._skip(1)
        self._expect("}")

    def _listed_or_passed(self) -> Iterator[tuple[int, Any, str]]:
        if self._next() == "[":
            yield from self._listed()
        else:
            self._pass_value()

    def _listed(self) -> Iterator[tuple[int, Any, str]]:
        self._expect("[")
        if self._next() == "]":
            self._skip(1)
            return
        while True:
            yield self._item()
            if (mark := self._next()) == ",":
                self._at += 1
                continue
            if mark != "]":
                raise self._wrong(f"there is {mark or 'nothing'!r} where , or ] belongs")
            self._at += 1
            return

    def _members(self, named: bool) -> Iterator[tuple[int, Any, str]]:
        self._expect("{")
        while (mark := self._next()) == '"':
            key = self._value(_MAX_KEY)
            self._expect(":")
            line, value, text = self._item()
            if not named and isinstance(value, dict):
                value = {"id": key, **value}
            yield line, value, text
            if (mark := self._next()) != ",":
                break
            self._skip(1)
        if mark != "}":
            raise self._wrong(f"there is {mark or 'nothing'!r} where , or }} belongs")
        self._skip(1)

    def _find_list(self, keys: list[str], *, is_known: bool) -> int:
        """Go to the list or the object of products: the one at the keys, else the first list.

        Returns:
            how many objects it lies in.
        """
        depth = 0
        while self._next() == "{" and (keys or not is_known):
            depth += 1
            if depth > 50:
                raise self._wrong("no list of products within 50 levels")
            self._skip(1)
            wanted = keys.pop(0) if keys else None
            if not self._to_member(wanted):
                what = f"no list at {wanted!r}" if wanted else "no list of products"
                raise CatalogError(
                    f"there is {what} in this document",
                    where=str(self._path),
                    hint="--set items=data.products says where the list is",
                )
        if keys or self._next() not in ("[{" if is_known else "["):
            raise self._wrong("there is no list where the products should be")
        return depth

    def _to_member(self, wanted: str | None) -> bool:
        """Go to the value of a key, or to the first that is a list of objects."""
        while (mark := self._next()) == '"':
            key = self._value(_MAX_KEY)
            self._expect(":")
            if key == wanted or (wanted is None and self._next() == "[" and self._is_of_objects()):
                self._next()
                return True
            self._pass_value()
            if self._next() == ",":
                self._skip(1)
        if mark != "}":
            raise self._wrong(f"there is {mark or 'nothing'!r} where a key belongs")
        return False

    def _is_of_objects(self) -> bool:
        while not self._ended and len(self._text) - self._at < _AHEAD:
            self._more()
        return _OF_OBJECTS.match(self._text, self._at) is not None

    def _item(self, longest: int = MAX_LINE) -> tuple[int, Any, str]:
        self._next()
        line = self._line
        while True:
            try:
                value, end = scan_json(self._text, self._at)
                if end < len(self._text) or self._ended:
                    break
            except json.JSONDecodeError as error:
                if self._ended:
                    raise self._wrong(f"no JSON: {error.msg}", error.pos) from None
            except RecursionError:
                self._pass_value()
                return line, None, ""
            if len(self._text) - self._at > longest:
                self._pass_value()
                return line, None, ""
            self._more()
        text = self._text[self._at : end]
        self._at = end
        if "\n" in text:
            self._line += text.count("\n")
        return line, value, text

    def _value(self, longest: int) -> Any:
        while True:
            try:
                value, end = scan_json(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if self._ended or len(self._text) - self._at > longest:
                    raise self._wrong(f"no JSON: {error}") from None
                self._more()
                continue
            self._skip(end - self._at)
            return value

    def _pass_value(self) -> None:
        """Go behind a value without holding it."""
        if self._next() not in ('"', "[", "{"):
            self._pass_scalar()
            return
        self._pass_rest(self._pass_mark())

    def _pass_rest(self, depth: int) -> None:
        """Go behind what is left of so many objects."""
        while depth > 0:
            depth += self._pass_mark()

    def _pass_mark(self) -> int:
        """Go behind the next text or bracket; how much deeper it leads."""
        while (found := _MARK.search(self._text, self._at)) is None:
            self._skip(len(self._text) - self._at)
            self._must_have_more()
        self._skip(found.end() - self._at)
        if found[0] == '"':
            self._pass_text()
            return 0
        return 1 if found[0] in "[{" else -1

    def _pass_text(self) -> None:
        while (end := _TEXT_END.match(self._text, self._at)) is None:
            # What is left behind must not cut a backslash from what it stands before.
            backslashes = len(self._text) - len(self._text.rstrip("\\"))
            self._skip(max(0, len(self._text) - self._at - backslashes % 2))
            self._must_have_more()
        self._skip(end.end() - self._at)

    def _pass_scalar(self) -> None:
        while True:
            found = _SCALAR.match(self._text, self._at)
            assert found is not None
            length = found.end() - self._at
            self._skip(length)
            if self._at < len(self._text) or self._ended:
                return
            self._more()

    def _next(self) -> str:
        """The next character that is not blank; empty at the end."""
        if (mark := self._text[self._at : self._at + 1]) and mark not in " \t\r\n":
            return mark
        while True:
            found = _BLANK.match(self._text, self._at)
            assert found is not None
            self._skip(found.end() - self._at)
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def _expect(self, mark: str) -> None:
        if self._next() != mark:
            raise self._wrong(f"there is no {mark} where one belongs")
        self._skip(1)

    def _skip(self, length: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + length)
        self._at += length

    def _hold(self, most: int) -> bool:
        """Read to the end; whether that is no more than so many characters."""
        blocks = [self._text[self._at :]]
        size = len(blocks[0])
        while not self._ended and size <= most:
            self._text, self._at = "", 0
            self._more()
            blocks.append(self._text)
            size += len(self._text)
        self._text, self._at = "".join(blocks), 0
        return self._ended

    def _must_have_more(self) -> None:
        if self._ended:
            raise self._wrong("the document ends within a value")
        self._more()

    def _more(self) -> None:
        block = self._file.read(_BLOCK)
        self._ended = not block
        try:
            text = self._decoder.decode(block, self._ended)
        except UnicodeDecodeError:
            raise self._wrong("bytes that are not valid UTF-8") from None
        self._text = self._text[self._at :] + text
        self._at = 0

    def _wrong(self, why: str, place: int | None = None) -> CatalogError:
        line = self._line
        if place is not None:
            line += self._text.count("\n", self._at, place)
        return CatalogError(why, where=f"{self._path}:{line}")
