"""A model of which piece of a product's texts is a property's value, if any is.

A conditional logit over the spans of a product and "none of them": the spans that are the value
share what is left of 1 after "none", in proportion to exp of a sum of weights, one per feature.
Fitted on training products, as if each were not there: what is counted in training is counted
without the product itself, so that a value that only one product has is unknown when that one
is asked about.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from k3m_kg.progress import Advance
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.read import SnapshotProduct
from k3m_kg.spans.features import (
    PER_QUESTION,
    PER_SPAN,
    SIZE,
    ProductSpans,
    crossed,
    find_spans,
    hashed,
    product_spans,
)
from k3m_kg.spans.finding import Span, value_key
from k3m_kg.spans.knowledge import KnownValues, known_spans, question_features
from k3m_kg.spans.texts import VALUE, ProductText, long_texts, texts_of

MOST_PRODUCTS = 2000
"""Training products that the weights are fitted to, drawn at random; all are counted."""
MOST_QUESTIONS = 6_000
LEAST_ANSWERS = 10
"""A property is open if at least so many of its training triples stand in their product's texts."""
LEAST_SHARE = 0.05
"""... and at least this share of them."""
_OTHERS = 16
"""Spans of a question that are neither its value nor a known one: so many are drawn."""
_WIDTH = 2 * (PER_SPAN + PER_QUESTION)
_STEPS = 40
_LEAST_SEEN = 2
_RIDGE = 2.0
_NONE = hashed("none")


@dataclass(frozen=True, slots=True, eq=False)
class TextAnswers:
    """What a product's texts say about a property.

    Attributes:
        texts: T different candidate values, as they stand in the text.
        spans: where each stands first.
        logit_T: their scores, natural logarithms; of "none of them" `none`.
        known_T: bool, whether each is a value that the property takes in training.
        none: the score of "none of them".
        temperature, bias: as the scorer's.
    """

    texts: list[str]
    spans: list[Span]
    logit_T: np.ndarray
    known_T: np.ndarray
    none: float
    temperature: float = 1.0
    bias: float = 0.0

    def probability(self) -> tuple[np.ndarray, float]:
        """(T,) how probable each is, and how probable it is that none is."""
        scores = np.append(self.logit_T, self.none) / self.temperature
        scores[-1] += self.bias
        scores = np.exp(scores - scores.max())
        share = scores / scores.sum()
        return share[:-1], float(share[-1])


@dataclass(slots=True, eq=False)
class SpanScorer:
    """The fitted model.

    Attributes:
        names: the properties that it can be asked about, in order: their place is their number.
        long: the properties that hold long texts.
        values: whether short values of other properties are candidates too.
        weights: (SIZE,) float32.
        frequency: (SIZE,) int32, in how many training products a text stands, by `hashed`.
        known: what training says of each property's values.
        elsewhere: how many triples have a value, whatever the property.
        temperature: scores are divided by it; calibrated where it is not 1.
        bias: added to the score of "none of them" after that.
    """

    names: list[str]
    long: dict[str, int]
    values: bool
    weights: np.ndarray
    frequency: np.ndarray
    known: dict[str, KnownValues]
    elsewhere: Counter[str]
    temperature: float = 1.0
    bias: float = 0.0

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        rows: np.ndarray | None = None,
        *,
        values: bool = True,
        seed: int = 0,
        progress: Advance | None = None,
    ) -> SpanScorer:
        """Fit it to training products.

        Args:
            snapshot: has them.
            rows: the training products; by default those of train.
            values: as the attribute.
            seed: of what is drawn.
            progress: told of products, twice.
        """
        rows = snapshot.rows("train") if rows is None else rows
        long = long_texts(snapshot)
        made = cls([], long, values, np.zeros(SIZE, np.float32), np.zeros(SIZE, np.int32), {},
                   Counter())  # fmt: skip
        made._count(snapshot, rows, progress)
        if made.names:
            random = np.random.default_rng(seed)
            made._learn(snapshot, random.permutation(rows)[:MOST_PRODUCTS], random, progress)
        return made

    def read(self, product: SnapshotProduct) -> ProductSpans:
        """The spans of a product's texts, for `about`."""
        return product_spans(self._texts(product), self.frequency)

    def about(self, spans: ProductSpans, name: str) -> TextAnswers:
        """What a product's texts say about an open property.

        What the product has of the property itself is not looked at.
        """
        mine = _without_value(spans, name)
        known = self.known[name]
        count_S = known_spans(mine, known)
        known_S = count_S > 0
        features = question_features(
            mine, np.arange(len(mine.keys)), count_S, known, self.elsewhere, self.frequency
        )
        number = self.names.index(name)
        every = np.concatenate([mine.features_SF, features], 1)
        logit_S = self._sums(np.concatenate([every, crossed(every, number)], 1))
        none = self._sums(_none_features(features, known_S, len(mine.keys), number)[None])[0]
        order: dict[str, int] = {}
        place_S = np.array([order.setdefault(key, len(order)) for key in mine.keys], np.int64)
        logit_T = np.full(len(order), -np.inf)
        np.logaddexp.at(logit_T, place_S, logit_S)
        first = {place: index for index, place in reversed(list(enumerate(place_S.tolist())))}
        shown = [mine.spans[first[place]] for place in range(len(order))]
        known_T = np.zeros(len(order), bool)
        known_T[place_S] = known_S
        return TextAnswers(
            [span.text for span in shown],
            shown,
            logit_T,
            known_T,
            float(none),
            self.temperature,
            self.bias,
        )

    def _sums(self, features: np.ndarray) -> np.ndarray:
        total: np.ndarray = self.weights[features].sum(1, dtype=np.float64)
        return total

    def _texts(self, product: SnapshotProduct) -> list[ProductText]:
        return list(texts_of(product, self.long, values=self.values))

    def _count(self, snapshot: Snapshot, rows: np.ndarray, progress: Advance | None) -> None:
        count: dict[str, Counter[str]] = {}
        stood: dict[str, Counter[str]] = {}
        for row in rows.tolist():
            product = snapshot.product(row)
            _, spans, keys = find_spans(self._texts(product))
            standing = set(keys)
            numbers = np.fromiter({hashed(key) for key in standing}, np.int64)
            self.frequency[numbers] += 1
            sources: dict[str, set[str]] = {}
            for span, key in zip(spans, keys, strict=True):
                if span.source.kind == VALUE:
                    sources.setdefault(key, set()).add(span.source.name)
                else:
                    sources.setdefault(key, set()).add("")
            for (name, value), held in zip(product.properties, product.holdout, strict=True):
                if held or name in self.long:
                    continue
                key = value_key(value)
                self.elsewhere[key] += 1
                count.setdefault(name, Counter())[value] += 1
                if sources.get(key, set()) - {name}:
                    stood.setdefault(name, Counter())[value] += 1
            if progress:
                progress(1)
        for name, counter in count.items():
            standing_here = stood.get(name, Counter())
            total = standing_here.total()
            if total >= LEAST_ANSWERS and total >= LEAST_SHARE * counter.total():
                values = list(counter)
                self.known[name] = KnownValues.of(
                    values, [counter[v] for v in values], [standing_here[v] for v in values]
                )
        self.names = sorted(self.known)

    def _learn(
        self,
        snapshot: Snapshot,
        rows: np.ndarray,
        random: np.random.Generator,
        progress: Advance | None,
    ) -> None:
        parts = []
        for row in rows.tolist():
            product = snapshot.product(row)
            truth: dict[str, list[str]] = {}
            for (name, value), held in zip(product.properties, product.holdout, strict=True):
                if name in self.known:
                    truth.setdefault(name, []).append("" if held else value_key(value))
            asked = [name for name, keys in truth.items() if all(keys)]
            spans = product_spans(self._texts(product), self.frequency, own=1)
            for name in asked:
                parts.append(self._example(spans, name, truth[name], random))
            if progress:
                progress(1)
            if len(parts) > MOST_QUESTIONS:
                break
        self.weights = _fitted(parts)

    def _example(
        self, spans: ProductSpans, name: str, keys: list[str], random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of one question (K, _WIDTH) features, (K,) offsets and (K,) whether it is right.

        The last is "none of them".
        """
        mine = _without_value(spans, name)
        right_S = np.array([key in keys for key in mine.keys], bool)
        known, gone = self.known[name], [key for key in keys if key in set(mine.keys)]
        count_S = known_spans(mine, known, gone)
        known_S = count_S > 0
        others = np.flatnonzero(~right_S & ~known_S)
        drawn = others if len(others) <= _OTHERS else random.permutation(others)[:_OTHERS]
        kept = np.concatenate([np.flatnonzero(right_S | known_S), drawn])
        offset = np.zeros(len(kept) + 1)
        if len(drawn):  # each stands for those that were not drawn
            offset[len(kept) - len(drawn) : len(kept)] = np.log(len(others) / len(drawn))
        number = self.names.index(name)
        features = question_features(
            mine, kept, count_S, known, self.elsewhere, self.frequency, gone
        )
        every = np.concatenate([mine.features_SF[kept], features], 1)
        rows = np.concatenate([every, crossed(every, number)], 1)
        none = _none_features(features, known_S[kept], len(mine.keys), number)
        right = np.append(right_S[kept], not right_S.any())
        return np.concatenate([rows, none[None]]).astype(np.int32), offset, right


def _without_value(spans: ProductSpans, name: str) -> ProductSpans:
    """Without the spans that are the product's own values of a property."""
    kept = [
        index
        for index, span in enumerate(spans.spans)
        if span.source.kind != VALUE or span.source.name != name
    ]
    if len(kept) == len(spans.spans):
        return spans
    return ProductSpans(
        [spans.spans[index] for index in kept],
        [spans.keys[index] for index in kept],
        spans.counted_S[kept],
        spans.features_SF[kept],
    )


def _none_features(
    features: np.ndarray, known_S: np.ndarray, spans: int, number: int
) -> np.ndarray:
    """(_WIDTH,) what speaks for "none of them": what is known there, how many spans there are."""
    best = sorted({int(feature) for feature in features[known_S, 0]})[:4]
    made = [
        _NONE,
        hashed(f"none {min(3, int(known_S.sum()))}"),
        hashed(f"none of {spans.bit_length()}"),
        *(hashed(f"none {feature}") for feature in best),
    ]
    row = np.array(made, np.int32)
    both = np.concatenate([row, crossed(row, number)])
    return np.concatenate([both, np.full(_WIDTH - len(both), _nothing(), np.int32)])


def _nothing() -> int:
    """The feature that fills up rows; its weight stays 0."""
    return SIZE - 1


def _fitted(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """The weights with the greatest likelihood, less a ridge; by L-BFGS."""
    features_KF = np.concatenate([part[0] for part in parts])
    offset_K = np.concatenate([part[1] for part in parts])
    right_K = np.concatenate([part[2] for part in parts])
    sizes = np.array([len(part[1]) for part in parts])
    starts = np.cumsum(sizes) - sizes
    question_K = np.repeat(np.arange(len(sizes)), sizes)
    often = np.bincount(features_KF.ravel(), minlength=SIZE) >= _LEAST_SEEN
    often[_nothing()] = False
    used = np.flatnonzero(often)
    place = np.full(SIZE, len(used), np.int32)  # all that is rare is one feature, of weight 0
    place[used] = np.arange(len(used), dtype=np.int32)
    flat_KF = place[features_KF]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        score_K = np.append(weights, 0.0)[flat_KF].sum(1) + offset_K
        top = np.maximum.reduceat(score_K, starts)
        share_K = np.exp(score_K - top[question_K])
        every = np.add.reduceat(share_K, starts)
        true_K = np.where(right_K, share_K, 0.0)
        true = np.add.reduceat(true_K, starts)
        true = np.maximum(true, 1e-300)
        error_K = share_K / every[question_K] - true_K / true[question_K]
        slope = np.bincount(
            flat_KF.ravel(), np.repeat(error_K, flat_KF.shape[1]), minlength=len(weights) + 1
        )[:-1]
        value = float((np.log(every) - np.log(true)).sum()) + _RIDGE / 2 * float(weights @ weights)
        return value, slope + _RIDGE * weights

    found = minimize(
        loss, np.zeros(len(used)), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}
    )
    weights = np.zeros(SIZE, np.float32)
    weights[used] = found.x
    return weights
