"""Spellings that mean the same: by folding, and by one letter that differs.

Nothing here compares all with all: folding is a dictionary, and texts one letter apart agree in
their first or in their second half.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LONGEST = 60
"""Longer texts are not compared letter by letter: one letter is no typo in a description."""
MIN_WORD = 5
_RARE, _RARER, _FEW = 10, 100, 3
_BUCKET = 50

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s\-‐-―_.,:'’]+(?=\d)")
_MINUS = re.compile(r"(?:(?<=\s)|^)[-−](?=\d)")
_KEPT = frozenset('%#&*@/"″′')
_ACCENTS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Variant:
    """A spelling that is probably another one's.

    Attributes:
        text, count: the rarer spelling.
        like, like_count: the one that it is like.
    """

    text: str
    count: int
    like: str
    like_count: int


def fold(text: str) -> str:
    """A text without what spellings differ in: case, spaces, punctuation, width, accents.

    What stands between two digits stays, as one mark, so `1.5` is not `15`; so do a minus, and
    marks that make a difference: `%`, `/`, `+`, `&`, inches.
    """
    return words(text).replace(" ", "")


def words(text: str) -> str:
    """The same, but with single spaces between words."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", plain))
    plain = _MINUS.sub("\ue000", plain)
    plain = _BETWEEN_DIGITS.sub(_mark, plain)
    if plain.isascii() and plain.isalnum():
        return plain
    return " ".join("".join(map(_letter, plain)).split())


def _mark(found: re.Match[str]) -> str:
    kind = found.group()
    return next((own for mark, own in _MARKS if mark in kind), "\ue003")


_MARKS = ((".", "\ue001"), (",", "\ue002"), (":", "\ue004"), ("-", "\ue005"))


def _letter(char: str) -> str:
    kind = unicodedata.category(char)[0]
    if kind in "LNMSC" or char in _KEPT:
        return " " if char.isspace() else char
    return " " if kind in "ZP" and char not in "'’" else ""


def folded_variants(values: Iterable[tuple[str, int]]) -> list[Variant]:
    """Values that fold to the same as a more frequent one.

    Args:
        values: each with its count, most frequent first.
    """
    first: dict[str, tuple[str, int]] = {}
    found = []
    for text, count in values:
        key = fold(text)
        if key and (like := first.setdefault(key, (text, count)))[0] != text:
            found.append(Variant(text, count, *like))
    return found


def typos(values: Sequence[tuple[str, int]]) -> list[Variant]:
    """Rare values that are one letter away from a far more frequent one.

    That is one ten times as frequent for a value with at most three triples, else a hundred times:
    words that are much in use are words. The letter must be of an alphabet with cases (one sign of
    Chinese is a word) and stand in a long word (sizes and codes differ by one); see
    `one_letter_apart`.

    Args:
        values: each with its count, most frequent first.
    """
    if not values:
        return []
    near = _Near()
    highest = values[0][1]
    found = []
    for text, count in values:
        key = words(text)
        if not MIN_WORD <= len(key) <= LONGEST:
            continue
        wanted = count * (_RARE if count <= _FEW else _RARER)
        if wanted <= highest:
            likes = [like for like in near.of(key) if like[1] >= wanted]
            if likes:
                found.append(Variant(text, count, *max(likes, key=lambda like: like[1])))
                continue
        if count >= _RARE:  # less can be no pattern for anything
            near.add(key, text, count)
    return found


def near_pairs(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that fold to the same or are one letter apart."""
    near = _Near()
    by_fold: dict[str, str] = {}
    for name in names:
        key = words(name)
        if not key:
            continue
        other = by_fold.setdefault(fold(name), name)
        if other != name:
            yield other, name
            continue
        if len(key) <= LONGEST:
            for text, _ in near.of(key):
                yield text, name
            near.add(key, name, 0)


class _Near:
    """Texts by their halves: of two that are one letter apart, one half is equal."""

    def __init__(self) -> None:
        self._halves: dict[tuple[int, bool, str], list[tuple[str, str, int]]] = defaultdict(list)

    def add(self, key: str, text: str, count: int) -> None:
        half = len(key) // 2
        for entry in ((len(key), True, key[:half]), (len(key), False, key[half:])):
            bucket = self._halves[entry]
            if len(bucket) < _BUCKET:
                bucket.append((key, text, count))

    def of(self, key: str) -> list[tuple[str, int]]:
        found = {}
        for length in (len(key) - 1, len(key), len(key) + 1):
            half = length // 2
            entries = [
                (length, True, key[:half]),
                (length, False, key[len(key) - (length - half) :]),
            ]
            if length == len(key):  # two letters swapped where the halves meet
                entries.append((length, True, key[: half - 1] + key[half : half + 1]))
            for entry in entries:
                for other, text, count in self._halves.get(entry, ()):
                    if other != key and text not in found and one_letter_apart(key, other):
                        found[text] = count
        return list(found.items())


def one_letter_apart(a: str, b: str) -> bool:
    """Whether a letter is missing, or swapped with the next, in a word of five letters; or another
    in a word of seven. Never the first letter: such pairs are mostly two words.
    """
    if len(a) < len(b):
        a, b = b, a
    if len(a) - len(b) > 1 or a == b:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(b))
    if len(a) > len(b):
        return a[start + 1 :] == b[start:] and _in_word(a, start, start + 1, MIN_WORD + 1)
    if a[start + 1 :] == b[start + 1 :]:
        return _in_word(a, start, start + 1, MIN_WORD + 2) and _has_case(b[start])
    swapped = a[start : start + 2] == b[start : start + 2][::-1]
    return swapped and a[start + 2 :] == b[start + 2 :] and _in_word(a, start, start + 2, MIN_WORD)


def _in_word(text: str, start: int, stop: int, least: int) -> bool:
    """Whether these are letters of an alphabet, after the first of a word that is long enough."""
    if not all(map(_has_case, text[start:stop])):
        return False
    begin = text.rfind(" ", 0, start) + 1
    end = text.find(" ", stop)
    word = text[begin : end if end >= 0 else len(text)]
    return begin < start and len(word) >= least and word.isalpha()


def _has_case(char: str) -> bool:
    return char.upper() != char.lower()
