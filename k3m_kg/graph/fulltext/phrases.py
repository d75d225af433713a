"""What is searched for, and how a text is cut into words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MOST_PHRASES = 12
"""Of a search; further ones are left out."""
SEARCHED = 300
"""Characters of a text that are searched."""
_SEPARATE = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff])")
"""Letters of scripts that put no spaces between words: each is a word of its own."""
_ASKED = re.compile(r'"([^"]*)"|(\S+)')
_ACCENTS = re.compile("[\u0300-\u036f]+")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand one after the other.

    Attributes:
        text: with letters apart that are words of their own.
        goes_on: the last word may be the beginning of a longer one.
    """

    text: str
    goes_on: bool


def phrases(query: str) -> list[Phrase]:
    """What was asked for: words that may go on, and "exact phrases"."""
    found = []
    for exact, word in _ASKED.findall(query.replace("\0", " ")):
        text = spaced(exact or word).replace('"', " ").strip()
        if any(map(str.isalnum, text)):
            found.append(Phrase(text, not exact))
    return found[:MOST_PHRASES]


def spaced(text: str) -> str:
    """A text with spaces around letters that are words of their own."""
    return text if text.isascii() else _SEPARATE.sub(r" \1 ", text)


def words_of(text: str) -> list[str]:
    """The words of a spaced text, whatever its case and accents; SQLite's FTS5 cuts likewise."""
    text = text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))
    return _WORD.findall(text)
