"""What speaks for or against a span as a value, as numbers of hashed features.

Where it stands, what it looks like, what stands around it, how often training has it: none of it
knows a property. What a property knows of a span (`known_features`) comes with it. Both count once
for all properties, and once more for each (`crossed`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np

from k3m_kg.quantities.parsing import Unclear, parse
from k3m_kg.spans.finding import Span, TextWords, spans_of, value_key
from k3m_kg.spans.texts import LONG, ProductText

BITS = 18
SIZE = 1 << BITS
_MASK = SIZE - 1
_MULTIPLIER, _PRIME = 2654435761, 40503
PER_SPAN = 22
PER_QUESTION = 6
_REPEATED = re.compile(r"(.)\1+")


def hashed(text: str) -> int:
    """The number of a feature, or of a text that is counted."""
    return crc32(text.encode("utf-8", "surrogatepass")) & _MASK


def crossed(features: np.ndarray, name: int) -> np.ndarray:
    """The same features as one property's own; by the property's number in the catalog."""
    mixed = features.astype(np.uint64) * _MULTIPLIER + np.uint64(name + 1) * np.uint64(_PRIME)
    found: np.ndarray = ((mixed >> np.uint64(7)) & np.uint64(_MASK)).astype(np.int32)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class ProductSpans:
    """The S spans of a product.

    Attributes:
        spans: in order.
        keys: `value_key` of each.
        counted_S: the number that each key is counted under (`hashed`).
        features_SF: int32.
    """

    spans: list[Span]
    keys: list[str]
    counted_S: np.ndarray
    features_SF: np.ndarray


def find_spans(texts: list[ProductText]) -> tuple[list[TextWords], list[Span], list[str]]:
    """The words of some texts, their spans, and the spans' keys."""
    every = [TextWords.of(text) for text in texts]
    spans = [span for words in every for span in spans_of(words)]
    return every, spans, [value_key(span.text) for span in spans]


def product_spans(texts: list[ProductText], frequency: np.ndarray, *, own: int = 0) -> ProductSpans:
    """The spans of a product with their features.

    Args:
        texts: the product's.
        frequency: (SIZE,) by `hashed`, in how many training products a text stands.
        own: 1 for a training product, which must not count itself.
    """
    every, spans, keys = find_spans(texts)
    counted = [hashed(key) for key in keys]
    often = {
        key: max(0, int(frequency[number]) - own) for key, number in zip(keys, counted, strict=True)
    }
    where: dict[str, set[str]] = {}
    for span, key in zip(spans, keys, strict=True):
        where.setdefault(key, set()).add(span.source.name)
    by_source = {id(words.source): _Looks(words, often) for words in every}
    rows = [
        by_source[id(span.source)].features(span, key, len(where[key]))
        for span, key in zip(spans, keys, strict=True)
    ]
    features = np.array(rows, np.int32) if rows else np.zeros((0, PER_SPAN), np.int32)
    return ProductSpans(spans, keys, np.array(counted, np.int64), features)


class _Looks:
    """What the spans of one text look like."""

    def __init__(self, words: TextWords, often: dict[str, int]) -> None:
        self._words, self._often = words, often
        self._lower = ["", *(word.casefold() for word in words.texts), ""]
        self._shapes = ["", *(_shape(word) for word in words.texts), ""]
        self._gaps = [gap.strip()[:2] or (" " if gap else "") for gap in words.gaps]
        source = words.source
        self._kind = source.kind if source.kind == LONG else source.name

    def features(self, span: Span, key: str, sources: int) -> list[int]:
        lower, shapes, kind = self._lower, self._shapes, self._kind
        first, count = span.first + 1, span.words  # the lists have an empty word in front
        last = first + count - 1
        marked = span.end > self._words.spans[last - 1][1]
        shape = "".join(shapes[first : last + 1])[:12] + ("'" if marked else "")
        place = _bucket(span.first)
        left = _bucket(len(lower) - 2 - last)
        inside = "".join(sorted(set("".join(self._gaps[first:last]))))
        capital = "".join(
            "A" if shapes[at][:1] in ("X", "9") else "a"
            for at in (first - 1, first, last, last + 1)
        )
        often = self._often[key]
        longer = self._extended(span.first, span.first + count + 1)
        earlier = self._extended(span.first - 1, span.first + count)
        unit = _dimension(span.text)
        made = (
            f"k{kind}",
            f"n{count}{kind}",
            f"s{shape}",
            f"p{place}{kind}",
            f"e{left}{kind}",
            f"pn{place}|{count}{kind}",
            f"bw{lower[first - 1]}",
            f"aw{lower[last + 1]}",
            f"bc{self._gaps[first - 1]}",
            f"ac{self._gaps[last]}{marked}",
            f"fw{lower[first]}",
            f"lw{lower[last]}",
            f"w{key}",
            f"u{unit}{count}",
            f"df{_log(often)}{kind}",
            f"xr{_ratio(longer, often)}",
            f"xl{_ratio(earlier, often)}",
            f"c{capital}{place == 0}",
            f"cp{capital}{place}{kind}",
            f"b{sources > 1}",
            f"in{inside}{count}",
            f"su{lower[last][-3:]}",
        )
        return [hashed(feature) for feature in made]

    def _extended(self, first: int, stop: int) -> int:
        """How often the span with one word more stands in training."""
        words = self._words
        if first < 0 or stop > len(words.texts):
            return 0
        text = words.source.text[words.spans[first][0] : words.spans[stop - 1][1]]
        return self._often.get(value_key(text), 0)


@lru_cache(maxsize=1 << 16)
def known_features(
    bucket: str, words: str, *, other: bool, within: bool, count: int
) -> tuple[int, ...]:
    """What a property's values in training say of a span.

    Args:
        bucket: how sure they are, as `_log` and `_ratio` say it; empty for an unknown value.
        words: whether its first and last words are words of such values.
        other: it is a value of another property.
        within: a longer value of the property holds it.
        count: its words, 4 for more.
    """
    made = (
        f"d{bucket}",
        f"dn{bucket}|{count}",
        f"v{words}",
        f"vn{words}|{count}",
        f"o{other}{bool(bucket)}",
        f"in{within}{bool(bucket)}",
    )
    return tuple(hashed(f"known {feature}") for feature in made)


def certainty(often: int, right: int) -> str:
    """How often a value's text stands somewhere, and how often it is then the value."""
    return f"{_log(right)}{_ratio(right, often)}"


@lru_cache(maxsize=1 << 16)
def _shape(word: str) -> str:
    """`Xx` of "Blue", `9` of "300", `X9` of "GB2": letters and digits, each run once."""
    kinds = "".join(
        "9" if sign.isdigit() else "X" if sign.isupper() else "x" if sign.islower() else "c"
        for sign in word[:12]
    )
    return _REPEATED.sub(r"\1", kinds) + (" " if len(word) > 3 else "")


@lru_cache(maxsize=1 << 16)
def _dimension(text: str) -> str:
    if not any(sign.isdigit() for sign in text):
        return ""
    found = parse(text)
    if isinstance(found, Unclear):
        found = found.point
    return "" if found is None else found.unit.dimension if found.unit is not None else "number"


def _bucket(place: int) -> int:
    return place if place < 3 else 3 if place < 6 else 4 if place < 12 else 5


def _log(count: int) -> int:
    return count.bit_length()


def _ratio(part: int, whole: int) -> int:
    return -1 if whole <= 0 else min(4, 5 * min(part, whole) // whole)
