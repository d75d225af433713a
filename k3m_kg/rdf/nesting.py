"""How deep a document is nested, seen in its bytes before a parser sees them.

The parsers of JSON-LD and of triples as terms call themselves for each level and keep all of them:
30 KB that are nested 5,000 deep overflow the stack, and take gigabytes before that; RDF/XML takes
time by the square of the depth. A scanner counts levels while the document streams by. It may take
malformed documents for deeper than they are, and the parser refuses those anyway.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Protocol

MAX_DEPTH = 256
"""Levels, by default: real catalogs have under ten."""
_JSON_OTHER = bytes(set(range(256)) - set(b'"{}[]'))
_JSON_STEP = [1 if byte in b"{[" else -1 for byte in range(256)]
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_TERM = re.compile(rb'<<|>>|"')


class NestingScanner(Protocol):
    """Looks at one document, part by part."""

    def too_deep(self, content: bytes) -> bool:
        """Whether the next part has a level beyond the limit."""
        ...


def nesting_scanner(form: str, limit: int = MAX_DEPTH) -> NestingScanner:
    """The scanner of a form: `jsonld`, `rdfxml`, `ttl`, `trig`, `nt` or `nq`."""
    if form == "jsonld":
        return _JsonScanner(limit)
    return _XmlScanner(limit) if form == "rdfxml" else _TermScanner(limit)


class _JsonScanner:
    """Counts the brackets that are not in strings."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._depth = 0
        self._quoted = False
        self._left = b""

    def too_deep(self, content: bytes) -> bool:
        content = self._left + content
        self._left = b""
        if b"\\" in content:
            if (len(content) - len(content.rstrip(b"\\"))) % 2:
                content, self._left = content[:-1], b"\\"
            content = _ESCAPE.sub(b"", content)
        parts = content.translate(None, _JSON_OTHER).split(b'"')
        brackets = b"".join(parts[self._quoted :: 2])
        self._quoted ^= len(parts) % 2 == 0
        if not brackets:
            return False
        depths = list(accumulate(map(_JSON_STEP.__getitem__, brackets), initial=self._depth))
        self._depth = depths[-1]
        return max(depths) > self._limit


class _XmlScanner:
    """Counts the elements that are open."""

    _ENDS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
    _LONGEST = 9
    _PLAIN = re.compile(rb"[^<]*+<(/?)[A-Za-z_:](?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
    _IN_TAG = re.compile(rb"[\"'>]")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._depth = 0
        self._step = 0
        self._until = b""  # what ends the construct that the last part ended in
        self._left = b""

    def too_deep(self, content: bytes) -> bool:
        content = self._left + content
        self._left = b""
        place = 0
        while place >= 0:
            if not self._step and not self._until:
                place = self._plain(content, place)
            place = self._tag(content, place) if self._step else self._next(content, place)
            if self._depth > self._limit:
                return True
        return False

    def _plain(self, content: bytes, place: int) -> int:
        """Go past the tags that are whole, which most are: a fraction of the time."""
        while (found := self._PLAIN.match(content, place)) and self._depth <= self._limit:
            place = found.end()
            if found[1]:
                self._depth = max(0, self._depth - 1)
            elif content[place - 2] != ord("/"):
                self._depth += 1
        return place

    def _next(self, content: bytes, place: int) -> int:
        """Go to the beginning of the next tag; -1 where this part has none."""
        if self._until:
            end = content.find(self._until, place)
            if end < 0:
                keep = max(place, len(content) - len(self._until) + 1)
                self._left = content[keep:]
                return -1
            place = end + len(self._until)
            self._until = b""
        start = content.find(b"<", place)
        if start < 0:
            return -1
        head = content[start : start + self._LONGEST]
        for begin, end_ in self._ENDS:
            if head.startswith(begin):
                self._until = end_
                return start + len(begin)
            if begin.startswith(head):  # more is needed to tell
                self._left = content[start:]
                return -1
        self._step = -1 if head.startswith(b"</") else 1
        return start + 1

    def _tag(self, content: bytes, place: int) -> int:
        """Go to the end of a tag, past the quotes in it; -1 where this part has none."""
        if self._until:
            end = content.find(self._until, place)
            if end < 0:
                return -1
            place = end + 1
            self._until = b""
        found = self._IN_TAG.search(content, place)
        if found is None:
            self._left = content[max(place, len(content) - 1) :]  # it may be a slash
            return -1
        if found[0] != b">":
            self._until = found[0]
            return found.end()
        if content[found.start() - 1 : found.start()] != b"/" or self._step < 0:
            self._depth = max(0, self._depth + self._step)
        self._step = 0
        return found.end()


class _TermScanner:
    """Counts triples as terms. No quote is between those that are within each other."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._depth = 0
        self._left = b""

    def too_deep(self, content: bytes) -> bool:
        content = self._left + content
        self._left = content[-1:] if content[-1:] in (b"<", b">") else b""
        if b"<<" not in content and not (self._depth and b">>" in content):
            if b'"' in content:
                self._depth = 0
            return False
        for token in _TERM.findall(content):
            if token == b"<<":
                self._depth += 1
                if self._depth > self._limit:
                    return True
            else:
                self._depth = max(0, self._depth - 1) if token == b">>" else 0
        return False
