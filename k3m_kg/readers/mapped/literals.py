"""Text that is a value of a program: JSON, and what Python and Ruby print for theirs.

`{'Brand': u'Acme', "sizes"=>["S", nil], 'ok': True}` is read as data: no part of it runs. Numbers
stay as they are written. Linear in the length of the text.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 100
_json = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=lambda name: None, strict=False
).decode
_TOKEN = re.compile(
    r"""\s*+(?:
        (?P<mark>=>|[\[\]{}(),:])
      | [uUbBrR]?"(?P<double>(?:[^"\\]|\\.)*+)"
      | [uUbBrR]?'(?P<single>(?:[^'\\]|\\.)*+)'
      | (?P<word>[^\s\[\]{}(),:"'=]++)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|U0010[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
_WORDS = {
    "null": None, "None": None, "nil": None, "NaN": None, "nan": None, "undefined": None,
    "true": True, "True": True, "false": False, "False": False,
}  # fmt: skip
_CLOSES = {"[": "]", "{": "}", "(": ")"}


class NoLiteralError(ValueError):
    """The text is no such value."""


def read_literal(text: str) -> Any:
    """The value: dicts, lists, texts, numbers as texts, true, false and None.

    A text that does not begin as an object, a list or a quoted text is itself the value.

    Raises:
        NoLiteralError: it begins as one and is none, or is nested too deep.
    """
    if not text.lstrip().startswith(("{", "[", "(", '"')) and not text.endswith(("'", '"')):
        return text
    try:
        return _json(text)
    except RecursionError:
        raise NoLiteralError("nested too deep") from None
    except ValueError:
        pass
    if not text.lstrip().startswith(("{", "[", "(")):
        return _unquoted(text)
    return _Literal(text).read()


def _unquoted(text: str) -> str:
    found = _TOKEN.fullmatch(text)
    quoted = found and (found["double"] or found["single"])
    return _unescaped(quoted) if quoted else text


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_character, text)
    try:  # two halves of a character make one
        return plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return plain


def _character(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)


class _Open:
    """A collection that has not ended; without a key in it, it is a list."""

    def __init__(self, closes: str) -> None:
        self.closes = closes
        self.items: list[Any] = []
        self.keys: list[str] = []
        self.after_value = False
        self.key_waits = False

    def made(self) -> Any:
        if self.keys or (self.closes == "}" and not self.items):
            return dict(zip(self.keys, self.items, strict=True))
        return self.items


class _Literal:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._open: list[_Open] = []

    def read(self) -> Any:
        """The one value that the text is."""
        while (found := _TOKEN.match(self._text, self._place)) is not None:
            self._place = found.end()
            mark = found["mark"]
            if mark is None:
                self._put(self._scalar(found))
            elif mark in _CLOSES:
                self._begin(mark)
            elif not self._open:
                raise self._refused("a value expected")
            elif mark in "]})":
                done, value = self._end(mark)
                if done:
                    return value
            elif mark == ",":
                self._next()
            else:
                self._key()
        raise self._refused("it does not end" if self._open else "no value")

    def _scalar(self, found: re.Match[str]) -> Any:
        for name in ("double", "single"):
            if found[name] is not None:
                return _unescaped(found[name])
        word = found["word"]
        return _WORDS.get(word, word)

    def _begin(self, mark: str) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise NoLiteralError("nested too deep")
        if self._open and self._open[-1].after_value:
            # `Decimal('1.5')`: what stands before the bracket only says of which kind it is.
            last = self._open[-1]
            if mark != "(" or last.key_waits or not last.items:
                raise self._refused("a comma expected")
            last.items.pop()
            last.after_value = False
        self._open.append(_Open(_CLOSES[mark]))

    def _put(self, value: Any) -> None:
        if not self._open:
            raise self._refused("a value in brackets expected")
        into = self._open[-1]
        if into.after_value:
            raise self._refused("a comma expected")
        into.items.append(value)
        into.after_value = True

    def _end(self, mark: str) -> tuple[bool, Any]:
        ended = self._open.pop()
        if mark != ended.closes or (ended.keys and len(ended.keys) != len(ended.items)):
            raise self._refused(f"{ended.closes!r} expected")
        if self._open:
            self._put(ended.made())
            return False, None
        if self._text[self._place :].strip():
            raise self._refused("the end expected")
        return True, ended.made()

    def _next(self) -> None:
        into = self._open[-1]
        if not into.after_value or (into.keys and len(into.keys) != len(into.items)):
            raise self._refused("a value expected")
        into.after_value = False

    def _key(self) -> None:
        into = self._open[-1]
        key = into.items[-1] if into.items and into.after_value else None
        if into.closes != "}" or isinstance(key, dict | list) or len(into.keys) >= len(into.items):
            raise self._refused("a colon that follows no name")
        if len(into.keys) != len(into.items) - 1:
            raise self._refused("a name expected")
        into.items.pop()
        into.keys.append(str(key))
        into.after_value = False

    def _refused(self, what: str) -> NoLiteralError:
        return NoLiteralError(f"{what} at character {self._place:,}")
