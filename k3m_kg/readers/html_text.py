"""HTML as plain text, in linear time: `html.parser` needs a minute for 64 KiB of `<a` lines."""

from __future__ import annotations

import html
import re
from functools import lru_cache

_OPENING = re.compile(r"<(?:(!--)|[!?]|/?([a-zA-Z][a-zA-Z0-9]*))")
# A tag up to its end; one with a quote that never closes ends at the next bracket.
_REST_OF_TAG = re.compile(r"""[^"'>]*+(?:"[^"]*+"[^"'>]*+|'[^']*+'[^"'>]*+)*+>""")
_UNSEEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
_REFERENCE = re.compile(r"&#?[0-9a-zA-Z]{1,32};?")
_BREAKS = frozenset(
    [
        "p",
        "br",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "div",
        "tr",
        "table",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "section",
        "article",
        "blockquote",
        "pre",
    ]
)
_CELLS = frozenset(("td", "th"))
_PLAIN_TAG = re.compile(r"""/?([a-zA-Z][a-zA-Z0-9]*)[^"'<>]*""")
_BREAK = "\x1e"
"""What stands for tags that end a line, while line breaks are blanks; a blank itself."""

_LONGEST_KEPT = 100
"""Characters of a tag of which it is kept what it does."""


@lru_cache(maxsize=1000)
def _mark_of(tag: str) -> str | None:
    """What stands for a tag, without its brackets; None where what it does is not plain."""
    found = _PLAIN_TAG.fullmatch(tag)
    name = found[1].lower() if found is not None else None
    if name is None or name in _UNSEEN:
        return None
    return _BREAK if name in _BREAKS else " " if name in _CELLS else ""


def html_to_text(source: str) -> str:
    """The text that a reader sees: a line for each block, without script, style and comments."""
    if "<" not in source and "&" not in source:  # no HTML
        return " ".join(source.split())
    if (plain := _of_plain_tags(source)) is not None:
        return plain
    parts: list[str] = []
    place = 0
    while opening := _OPENING.search(source, place):
        parts.append(_inline(source[place : opening.start()]))
        name = (opening[2] or "").lower()
        parts.append("\n" if name in _BREAKS else " " if name in _CELLS else "")
        place = _end(source, opening, name)
    parts.append(_inline(source[place:]))
    return _lines("".join(parts))


def _of_plain_tags(source: str) -> str | None:
    """What most descriptions are, in one go: tags without quotes, none of which hides its text."""
    if _BREAK in source:
        return None
    first, *tags = source.split("<")
    found = [_read(first)]
    for part in tags:
        tag, end, text = part.partition(">")
        if not end or len(tag) > _LONGEST_KEPT or (mark := _mark_of(tag)) is None:
            return None
        found.append(mark)
        if text:
            found.append(_read(text))
    lines = [" ".join(line.split()) for line in "".join(found).split(_BREAK)]
    return "\n".join([line for line in lines if line])


def _read(text: str) -> str:
    """Text with its references read."""
    return _REFERENCE.sub(_read_reference, text) if "&" in text else text


def _read_reference(reference: re.Match[str]) -> str:
    return html.unescape(reference[0])


def _lines(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return "\n".join([line for line in lines if line])


def _end(source: str, opening: re.Match[str], name: str) -> int:
    if opening[1]:
        return _after("-->", source, opening.end())
    tag = _REST_OF_TAG.match(source, opening.end())
    end = tag.end() if tag else _after(">", source, opening.end())
    if name in _UNSEEN and source[opening.start() + 1] != "/":
        closing = _UNSEEN[name].search(source, end)
        return closing.start() if closing else len(source)
    return end


def _after(mark: str, source: str, start: int) -> int:
    found = source.find(mark, start)
    return len(source) if found < 0 else found + len(mark)


def _inline(text: str) -> str:
    """Text between tags, where line breaks are blanks."""
    return _read(text).replace("\n", " ").replace("\r", " ")
