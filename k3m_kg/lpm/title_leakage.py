"""Where a title gives a value away: the words that spell it, so that they can be cut out."""

from __future__ import annotations

import re
from functools import lru_cache

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Kana and Han: scripts that put no space between words."""

_LETTER = rf"[^\W_{_UNSPACED}]"
_PARTS = re.compile(rf"{_LETTER}+|[{_UNSPACED}]")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_HISSING = ("s", "x", "z", "ch", "sh")
_CACHED_VALUES = 1 << 17


def value_spans(title: str, value: str) -> list[tuple[int, int]]:
    """Character spans (start, end) of `title` that spell `value`, in order, not overlapping.

    Whole words, whatever their case, whatever punctuation stands between them, and in singular or
    plural: "Shirts" is given away by "Men Blue Shirt". In scripts that are written without spaces
    any occurrence counts.
    """
    needles = _needles(value)
    lowered = title.lower()
    for needle in needles:  # nearly every call ends here
        if needle not in lowered:
            return []
    if not needles:
        return []
    pattern = _pattern(value, _IS_UNSPACED.search(title) is not None)
    if len(lowered) != len(title):  # places in the two do not agree
        return [match.span() for match in pattern.finditer(title)]
    spans = []
    place = lowered.find(needles[0])
    while place >= 0:
        if match := pattern.match(title, place):
            spans.append(match.span())
        place = lowered.find(needles[0], match.end() if match else place + 1)
    return spans


def word_spans(title: str) -> list[tuple[int, int]]:
    """Character spans of the words of `title`; every sign in scripts without spaces."""
    return [match.span() for match in _PARTS.finditer(title)]


def cut_value(title: str, value: str) -> str:
    """`title` without the words that spell `value`, its blanks closed up."""
    spans = value_spans(title, value)
    if not spans:
        return title
    kept, end = [], 0
    for start, stop in spans:
        kept.append(title[end:start])
        end = stop
    return " ".join(" ".join([*kept, title[end:]]).split())


@lru_cache(maxsize=_CACHED_VALUES)
def _needles(value: str) -> tuple[str, ...]:
    """Strings that every title contains which spells the value."""
    parts = _PARTS.findall(value)
    if not parts:  # nothing but punctuation: as it stands
        text = value.strip().lower()
        return (text,) if text else ()
    return tuple(_common_prefix(_forms(part.lower())) for part in parts)


@lru_cache(maxsize=_CACHED_VALUES)
def _pattern(value: str, unspaced: bool) -> re.Pattern[str]:
    """What spells the value in a title; that may have signs of scripts without spaces, if it says.

    Without them a letter is a class that compiles in a tenth of a millisecond, not in ten.
    """
    parts = _PARTS.findall(value)
    if not parts:
        return re.compile(re.escape(value.strip()), re.IGNORECASE)
    forms = [_forms(part.lower()) for part in parts]
    pattern = "".join(
        _separator(parts[number - 1 : number + 1]) + _either(words)
        for number, words in enumerate(forms)
    )
    letter = _LETTER if unspaced else r"[^\W_]"
    before = "" if _IS_UNSPACED.match(parts[0]) else rf"(?<!{letter})(?<!{letter}['’])"
    after = "" if _IS_UNSPACED.match(parts[-1]) else rf"(?!{letter})"
    # The flag stays off the look-arounds: a class of that many signs takes 20 ms to fold.
    return re.compile(f"{before}(?i:{pattern}){after}")


def _forms(word: str) -> list[str]:
    """The word with its English singular and plural, longest first."""
    forms = {word}
    if len(word) > 2 and word.isalpha() and not _IS_UNSPACED.match(word):
        if word.endswith("ies") and len(word) > 4:
            forms.add(word[:-3] + "y")
        elif word.endswith("es") and word[:-2].endswith(_HISSING):
            forms.add(word[:-2])
        elif word.endswith("s") and not word.endswith("ss") and len(word) > 3:
            forms.add(word[:-1])
        elif word.endswith(_HISSING):
            forms.add(word + "es")
        else:
            forms.add(word + "s")
            if word.endswith("y"):
                forms.add(word[:-1] + "ies")
    return sorted(forms, key=len, reverse=True)


def _either(words: list[str]) -> str:
    return "(?:" + "|".join(re.escape(word) for word in words) + ")"


def _separator(neighbours: list[str]) -> str:
    if len(neighbours) < 2:
        return ""
    return r"[\W_]*" if any(_IS_UNSPACED.match(part) for part in neighbours) else r"[\W_]+"


def _common_prefix(words: list[str]) -> str:
    shortest = words[-1]
    while not all(word.startswith(shortest) for word in words):
        shortest = shortest[:-1]
    return shortest
