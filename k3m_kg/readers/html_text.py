"""HTML as plain text, in linear time: `html.parser` needs a minute for 64 KiB of `<a` lines."""

from __future__ import annotations

import html
import re

_OPENING = re.compile(r"<(?:(!--)|[!?]|/?([a-zA-Z][a-zA-Z0-9]*))")
# A tag up to its end; one with a quote that never closes ends at the next bracket.
_REST_OF_TAG = re.compile(r"""[^"'>]*+(?:"[^"]*+"[^"'>]*+|'[^']*+'[^"'>]*+)*+>""")
_PLAIN_TAG = re.compile(r"""</?([a-zA-Z][a-zA-Z0-9]*)[^"'<>]*>""")
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


def html_to_text(source: str) -> str:
    """The text that a reader sees: a line for each block, without script, style and comments."""
    if "<" not in source and "&" not in source:  # no HTML
        return " ".join(source.split())
    if (plain := _of_plain_tags(source)) is not None:
        return _lines(plain)
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
    parts = _PLAIN_TAG.split(source)
    texts, names = parts[::2], [name.lower() for name in parts[1::2]]
    if not _UNSEEN.keys().isdisjoint(names) or any("<" in text for text in texts):
        return None
    marks = ["", *("\n" if name in _BREAKS else " " if name in _CELLS else "" for name in names)]
    return "".join([mark + _inline(text) for mark, text in zip(marks, texts, strict=True)])


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
    if "&" in text:
        text = _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)
    return text.replace("\n", " ").replace("\r", " ")
