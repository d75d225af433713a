"""What training says of texts and values: how often each stands, and is then the value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np

from k3m_kg.spans.features import (
    PER_QUESTION,
    ProductSpans,
    certainty,
    known_features,
)
from k3m_kg.spans.finding import value_key


@dataclass(slots=True)
class KnownValues:
    """A property's values in training.

    Attributes:
        count: by key, how many training triples have the value.
        stood: by key, of how many of them it stood in the product's texts.
        words: how many triples' values have a word.
    """

    count: Counter[str] = field(default_factory=Counter)
    stood: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, values: Sequence[str], counts: Sequence[int], stood: Sequence[int]) -> KnownValues:
        """From value texts and how often each is a value, and stood in the product's texts."""
        found = cls()
        for text, count, standing in zip(values, counts, stood, strict=True):
            key = value_key(text)
            found.count[key] += count
            found.stood[key] += standing
            for word in set(key.split()):
                found.words[word] += count
        return found


def known_spans(spans: ProductSpans, known: KnownValues, gone: Sequence[str] = ()) -> np.ndarray:
    """(S,) int64: how many training triples have each span as the property's value.

    Args:
        spans: of a product.
        known: the property's values in training.
        gone: keys of values that the product itself has there, and that do not count.
    """
    count_S = np.fromiter(map(known.count.get, spans.keys, repeat(0)), np.int64, len(spans.keys))
    for key in gone:
        count_S -= np.array([key == other for other in spans.keys], np.int64)
    found: np.ndarray = np.maximum(count_S, 0)
    return found


def question_features(
    spans: ProductSpans,
    chosen: np.ndarray,
    count_S: np.ndarray,
    known: KnownValues,
    elsewhere: Counter[str],
    frequency: np.ndarray,
    gone: Sequence[str] = (),
) -> np.ndarray:
    """(K, PER_QUESTION): what a property's values in training say of the chosen spans.

    Args:
        spans: the product's.
        chosen: (K,) places of spans.
        count_S: as `known_spans` gives.
        known: the property's values.
        elsewhere: how many triples of any property have a value, by key.
        frequency: as `product_spans` takes it.
        gone: as in `known_spans`.
    """
    own = 1 if len(gone) else 0
    own_words = {word for key in gone for word in key.split()}
    longest: dict[int, list[tuple[int, int]]] = {}
    for index in np.flatnonzero(count_S).tolist():
        span = spans.spans[index]
        longest.setdefault(id(span.source), []).append((span.start, span.end))
    rows = np.zeros((len(chosen), PER_QUESTION), np.int32)
    for place, index in enumerate(chosen.tolist()):
        span, key, count = spans.spans[index], spans.keys[index], int(count_S[index])
        mine = key in gone
        bucket = ""
        if count:
            often = max(1, int(frequency[spans.counted_S[index]]) - own)
            bucket = certainty(often, known.stood.get(key, 0) - mine)
        parts = key.split()
        ends = [
            min(3, max(0, known.words.get(word, 0) - (word in own_words)))
            for word in (parts[:1] + parts[-1:] if parts else [])
        ]
        within = any(
            start <= span.start and span.end <= end and end - start > span.end - span.start
            for start, end in longest.get(id(span.source), ())
        )
        rows[place] = known_features(
            bucket,
            "".join(map(str, ends)),
            other=elsewhere.get(key, 0) - mine > count,
            within=within,
            count=min(span.words, 4),
        )
    return rows
