"""Several values in one text: split, with escapes and quotes where a mapping says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from k3m_kg.readers.mapping import Separator


def split(text: str, separator: Separator) -> list[str]:
    """The parts of a text between separators, without surrounding blanks; empty ones included."""
    if separator.escape is None and separator.quote is None:
        return [part.strip() for part in text.split(separator.between)]
    parts: list[str] = []
    part: list[str] = []
    place, quoted = 0, False
    between, escape, quote = separator.between, separator.escape, separator.quote
    while place < len(text):
        mark = text[place]
        if quoted:
            if mark == quote and text.startswith(quote, place + 1):
                part.append(mark)
                place += 2
                continue
            if mark == quote:
                quoted = False
            else:
                part.append(mark)
            place += 1
        elif mark == escape and text.startswith(between, place + 1):
            part.append(between)
            place += 1 + len(between)
        elif mark == escape and text[place + 1 : place + 2] in (escape, quote or escape):
            part.append(text[place + 1])
            place += 2
        elif text.startswith(between, place):
            parts.append("".join(part).strip())
            part = []
            place += len(between)
        elif mark == quote and not "".join(part).strip():
            part, quoted = [], True
            place += 1
        else:
            part.append(mark)
            place += 1
    return [*parts, "".join(part).strip()]


def values_in(text: str, separator: Separator | None, missing: Collection[str]) -> Sequence[str]:
    """The values in a cell: what is missing is none, and neither are missing parts of it."""
    if text in missing:
        return ()
    if separator is None:
        return (text,)
    return [part for part in split(text, separator) if part not in missing]
