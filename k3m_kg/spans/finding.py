"""Pieces of a text that could be a value: some words in a row, where they begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from k3m_kg.lpm.title_leakage import word_spans
from k3m_kg.spans.texts import LONG, TITLE, VALUE, ProductText

MOST_WORDS = {TITLE: 6, LONG: 4}
"""Of a span, by where it stands."""
MOST_IN_A_TEXT = 120
"""Words of one text that spans are made of: with these, time is linear in the number of texts."""
_MARKS = frozenset("\"″”′'%°")
"""Signs that may belong to the word before them: 24", 5 %."""
_STOPS = re.compile(r"[\n|;•!?]|[.:]\s")
_BLANKS = re.compile(r"\s+")


def value_key(text: str) -> str:
    """What values are compared by: their text without regard to case and the width of blanks."""
    return _BLANKS.sub(" ", text).strip().casefold()


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text.

    Attributes:
        text: as it stands there.
        source: of which text it is.
        start, end: characters of that text.
        first, words: its first word's number, and how many it has.
    """

    text: str
    source: ProductText
    start: int
    end: int
    first: int
    words: int


@dataclass(frozen=True, slots=True)
class TextWords:
    """The words of a text.

    Attributes:
        source: the text.
        texts: the words as they stand there.
        gaps: what stands before each word and behind the last: one more than words.
        spans: where each begins and ends.
    """

    source: ProductText
    texts: list[str]
    gaps: list[str]
    spans: list[tuple[int, int]]

    @classmethod
    def of(cls, source: ProductText) -> TextWords:
        """The first words of a text."""
        text = source.text
        spans = word_spans(text)[:MOST_IN_A_TEXT]
        texts = [text[start:end] for start, end in spans]
        starts = [start for start, _ in spans]
        ends = [0, *(end for _, end in spans)]
        gaps = [text[end:start] for end, start in zip(ends, starts, strict=False)]
        gaps.append(text[ends[-1] : ends[-1] + 8])
        return cls(source, texts, gaps, spans)


def spans_of(words: TextWords) -> Iterator[Span]:
    """All runs of up to `MOST_WORDS` words that no full stop or line end interrupts.

    A sign of measure right behind the last word makes a second span, with it. Of a value of another
    property it is the whole value alone.
    """
    source, text = words.source, words.source.text
    count = len(words.texts)
    if source.kind == VALUE:
        if count:
            yield Span(text, source, 0, len(text), 0, count)
        return
    most = MOST_WORDS[source.kind]
    stops = [bool(_STOPS.search(gap)) for gap in words.gaps]
    for first in range(count):
        start = words.spans[first][0]
        for last in range(first, min(first + most, count)):
            if last > first and stops[last]:
                break
            end = words.spans[last][1]
            yield Span(text[start:end], source, start, end, first, last - first + 1)
            if text[end : end + 1] in _MARKS and end < len(text):
                yield Span(text[start : end + 1], source, start, end + 1, first, last - first + 1)
