"""Fits the regressions: examples as questions show them, a strength chosen on validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from k3m_kg.lpm.evidence.regression import DENSE, Basis, Regression, Regressions
from k3m_kg.lpm.questions import Triples
from k3m_kg.lpm.softmax_regression import (
    Part,
    dense_undone,
    fit_softmax,
    softmax_logits,
    with_dense,
)
from k3m_kg.progress import Advance

MOST_EXAMPLES = 20_000
"""Training triples of one property, drawn at random."""
MOST_CLASSES = 500
"""Values of one property that get weights, the commonest."""
MOST_IN_ALL = 200_000
"""Examples of all properties together; with more, each gets its share."""
MOST_CELLS = 1 << 21
"""Examples times classes of one property."""
MOST_WEIGHTS = 1 << 20
"""Of the features of one regression; with more, those that fewest examples have are left out."""
_FEWEST_EXAMPLES = 200
_FEW_PRODUCTS = 2_000
"""With so few products a feature that one example has is weighed too."""
_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
_DENSE_SCALES = (1.0, 0.25)
"""Of features beside words and triples: many features of few products are no help at length."""
_USUAL = 1.0
_FEWEST_CHECKED = 20
_ITERATIONS, _FURTHER = 30, 15
"""Of a fit; of one that begins with the weights of another. Twice as many gained nothing."""
_ENOUGH = 4_000
"""Examples from which none is shown twice."""
_LEAST_SPREAD = 1e-3

_RARELY = 0.01
"""Share of titles that spell the answer, up to which whole ones are read as cut ones."""

Seen = tuple[np.ndarray, np.ndarray]
"""(Q, K) places of features, -1 for none; (Q, D) what modalities show."""
Show = Callable[[Triples, Sequence[int]], list[Seen]]
"""What some questions see where the modalities of each pattern are hidden."""


def basis_of(values_NF: np.ndarray, most: int) -> Basis | None:
    """The directions with the largest variance of standardised features; None: there are none."""
    count, width = values_NF.shape
    if count < 2 or not width or most < 1:
        return None
    mean_F, spread_F = values_NF.mean(0), values_NF.std(0)
    varies_F = spread_F > _LEAST_SPREAD * spread_F.max(initial=0)
    if not varies_F.any():
        return None
    scale_F = np.where(varies_F, 1 / np.maximum(spread_F, 1e-12), 0)
    standard = (values_NF - mean_F) * scale_F
    energy, turn = np.linalg.eigh(standard.T @ standard / count)
    rank = min(most, int(varies_F.sum()), count - 1)
    turn_FR = scale_F[:, None] * turn[:, ::-1][:, :rank]
    turn_FR *= DENSE / np.sqrt(max(1e-12, energy[::-1][:rank].sum()))
    return Basis(mean_F.astype(np.float32), turn_FR.astype(np.float32))


def word_weights(often_F: np.ndarray, word_F: np.ndarray, products: int) -> np.ndarray:
    """(F,) float32 inverse document frequency of words, 0 of other features."""
    idf_F = np.log((1 + products) / (1 + often_F)) + 1
    found: np.ndarray = np.where(word_F, idf_F, 0).astype(np.float32)
    return found


def drawn(known: Triples, names: Sequence[int]) -> dict[int, Triples]:
    """Examples of each property that takes two values or more."""
    random = np.random.default_rng(0)
    found = {}
    for name in names:
        mine = known.about(np.array([name]))
        values, counts = np.unique(mine.values, return_counts=True)
        if len(values) < 2:
            continue
        kept = values[np.argsort(-counts, kind="stable")[:MOST_CLASSES]]
        mine = mine[np.isin(mine.values, kept)]
        most = max(_FEWEST_EXAMPLES, min(MOST_EXAMPLES, MOST_CELLS // len(kept)))
        found[name] = _some(mine, most, random)
    total = sum(map(len, found.values()))
    if total > MOST_IN_ALL:
        share = MOST_IN_ALL / total
        found = {
            name: _some(mine, max(_FEWEST_EXAMPLES, int(share * len(mine))), random)
            for name, mine in found.items()
        }
    return {name: mine for name, mine in found.items() if len(np.unique(mine.values)) > 1}


def _some(triples: Triples, most: int, random: np.random.Generator) -> Triples:
    if len(triples) <= most:
        return triples
    return triples[np.sort(random.permutation(len(triples))[:most])]


@dataclass(frozen=True, slots=True)
class Fitting:
    """What all fits share.

    Attributes:
        into: has the bases, and how much words count.
        patterns: which modalities are hidden, a bit for each, and whether texts are whole; the
            first hides nothing, and what is asked of whole texts comes behind.
        show: what questions see.
        triple_F: bool, the features that are triples.
        columns: the columns of a property's values.
        least: examples that a feature must have.
    """

    into: Regressions
    patterns: Sequence[int]
    show: Show
    triple_F: np.ndarray
    columns: Callable[[int, np.ndarray], np.ndarray]
    least: int

    @classmethod
    def least_of(cls, products: int) -> int:
        """In how many examples a feature must be to be weighed."""
        return 1 if products <= _FEW_PRODUCTS else 2

    def fit(
        self,
        examples: dict[int, Triples],
        checked: Triples,
        progress: Advance | None = None,
        until: float | None = None,
    ) -> list[Regression]:
        """One regression of every property and pattern; those with most examples come first.

        From `until` on, by `time.monotonic`, no further property is begun.
        """
        found: list[Regression] = []
        for name, mine in sorted(examples.items(), key=lambda item: -len(item[1])):
            if until is not None and time.monotonic() >= until:
                break
            found += self._fit(name, mine, checked.about(np.array([name])))
            if progress:
                progress(1)
        return found

    def _fit(self, name: int, mine: Triples, checked: Triples) -> list[Regression]:
        columns_N = self.columns(name, mine.values)
        column_K, labels = np.unique(columns_N, return_inverse=True)
        if column_K[0] < 0:
            return []
        shown = self.show(mine, self.patterns)
        column_Q = self.columns(name, checked.values)
        known = np.isin(column_Q, column_K)
        tests = self.show(checked[known], self.patterns[:1]) if known.any() else []
        wanted = np.searchsorted(column_K, column_Q[known])
        choice, found = _Choice(), list[Regression]()
        by_pattern = dict(zip(self.patterns, shown, strict=True))
        for pattern, seen in by_pattern.items():
            cut = pattern & ~self.into.whole
            if cut != pattern and _alike(by_pattern[cut][0], seen[0]):
                continue
            place_F = self._places(seen[0], len(column_K))
            parts = self._parts(seen, place_F, pattern)
            if not found:
                shorn = self._with_fewer_triples(parts, labels, place_F)
                test = [self._parts(one, place_F, pattern) for one in tests]
                choice, weight_DK = _chosen(
                    {True: shorn, False: (parts, labels)}, len(column_K), test, wanted
                )
            else:
                begin_FK = self._begin(found[0], place_F, pattern)
                asked = labels
                if choice.fewer_triples:
                    parts, asked = self._with_fewer_triples(parts, labels, place_F)
                weight_DK = fit_softmax(
                    with_dense(parts, choice.scale),
                    asked,
                    len(column_K),
                    choice.strength * len(labels) / len(asked),
                    begin_FK=dense_undone(parts, begin_FK, 1 / choice.scale),
                    iterations=_FURTHER,
                )
                weight_DK = dense_undone(parts, weight_DK, choice.scale)
            found.append(Regression(pattern, name, len(mine), column_K, place_F, weight_DK))
        return found

    def _places(self, seen_QK: np.ndarray, classes: int) -> np.ndarray:
        place, counts = np.unique(seen_QK[seen_QK >= 0], return_counts=True)
        place, counts = place[counts >= self.least], counts[counts >= self.least]
        kept = np.argsort(-counts, kind="stable")[: max(1, MOST_WEIGHTS // classes)]
        found: np.ndarray = np.sort(place[kept])
        return found

    def _parts(self, seen: Seen, place_F: np.ndarray, pattern: int) -> list[Part]:
        import torch

        seen_QK, shown_QD = seen
        weight_QK = self.into.weighed(torch.from_numpy(seen_QK)).numpy()
        question, slot = np.nonzero(np.isin(seen_QK, place_F))
        column = np.searchsorted(place_F, seen_QK[question, slot])
        shape = (len(seen_QK), len(place_F))
        values = weight_QK[question, slot].astype(np.float32)
        features = sparse.csr_matrix((values, (question, column)), shape)
        dense = np.ascontiguousarray(shown_QD[:, self.into.dense_columns(pattern)])
        return [features, dense]

    def _begin(self, whole: Regression, place_F: np.ndarray, pattern: int) -> np.ndarray:
        """What the regression that sees everything has for what a pattern sees."""
        count = len(whole.place_F)
        at_F = np.minimum(np.searchsorted(whole.place_F, place_F), max(0, count - 1))
        known_F1 = (whole.place_F[at_F] == place_F)[:, None] if count else np.zeros((0, 1))
        dense = whole.weight_DK[count:-1][self.into.dense_columns(pattern)]
        parts = [whole.weight_DK[at_F] * known_F1, dense, whole.weight_DK[-1:]]
        return np.concatenate(parts).astype(np.float32)

    def _with_fewer_triples(
        self, parts: list[Part], labels: np.ndarray, place_F: np.ndarray
    ) -> tuple[list[Part], np.ndarray]:
        """Every example once more, of many every other one instead, with a part of its triples.

        Products lack some, and what determines another property may be among them.
        """
        random = np.random.default_rng(len(labels))
        fewer = sparse.csr_matrix(parts[0], copy=True)
        share_Q = random.random(fewer.shape[0])
        if len(labels) > _ENOUGH:
            share_Q[random.random(len(share_Q)) < 0.5] = 1.0
        share_N = np.repeat(share_Q, np.diff(fewer.indptr))
        triple_N = self.triple_F[place_F][fewer.indices] if len(place_F) else np.empty(0, bool)
        fewer.data[triple_N & (random.random(fewer.nnz) >= share_N)] = 0
        fewer.eliminate_zeros()
        if len(labels) > _ENOUGH:
            return [fewer, parts[1]], labels
        both = [sparse.vstack([parts[0], fewer], format="csr"), np.concatenate([parts[1]] * 2)]
        return both, np.concatenate([labels, labels])


@dataclass(frozen=True, slots=True)
class _Choice:
    """What validation says of one property: the usual where it says nothing.

    Attributes:
        fewer_triples: examples lack some of their triples, as `Fitting` makes them.
        scale: of features beside words and triples.
        strength: scikit-learn's C.
    """

    fewer_triples: bool = True
    scale: float = 1.0
    strength: float = _USUAL


def _alike(one_QK: np.ndarray, other_QK: np.ndarray) -> bool:
    """Whether nearly all questions see the same places, in whatever order; -1 is none."""
    width = max(one_QK.shape[1], other_QK.shape[1])
    one, other = (
        np.sort(np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-1), axis=1)
        for part in (one_QK, other_QK)
    )
    return float((one != other).any(1).mean()) <= _RARELY


def _chosen(
    examples: Mapping[bool, tuple[list[Part], np.ndarray]],
    classes: int,
    tests: list[list[Part]],
    wanted: np.ndarray,
) -> tuple[_Choice, np.ndarray]:
    """That by which validation is most probable, and the weights.

    Args:
        examples: with fewer triples and as they are: their columns and classes.
        classes: how many there are.
        tests: the columns of validation questions.
        wanted: their classes.
    """
    once = len(examples[False][1])
    best: tuple[_Choice, np.ndarray] | None = None
    best_loss, enough = np.inf, len(wanted) >= _FEWEST_CHECKED
    scales: tuple[float, ...] = _DENSE_SCALES
    strengths: tuple[float, ...] = _STRENGTHS
    for fewer in (True, False) if enough else (True,):
        parts, labels = examples[fewer]
        if best is not None:  # of the rest what is near to the best is enough
            scales, strengths = (best[0].scale,), _near(best[0].strength)
        for scale in scales if enough and parts[1].shape[1] else (1.0,):
            scaled, weight_DK, before = with_dense(parts, scale), None, np.inf
            for strength in strengths if enough else (_USUAL,):
                weight_DK = fit_softmax(
                    scaled,
                    labels,
                    classes,
                    strength * once / len(labels),
                    begin_FK=weight_DK,
                    iterations=_ITERATIONS if weight_DK is None else _FURTHER,
                )
                found = dense_undone(parts, weight_DK, scale)
                loss = _cross_entropy(tests[0], found, wanted) if enough else 0.0
                if best is None or loss < best_loss:
                    best, best_loss = (_Choice(fewer, scale, strength), found), loss
                if loss >= before:
                    break
                before = loss
    assert best is not None
    return best


def _near(strength: float) -> tuple[float, ...]:
    """A strength, and what comes before and after it."""
    place = _STRENGTHS.index(strength)
    return _STRENGTHS[max(0, place - 1) : place + 2]


def _cross_entropy(parts: list[Part], weight_DK: np.ndarray, wanted: np.ndarray) -> float:
    logits = softmax_logits(parts, weight_DK)
    logits -= logits.max(1, keepdims=True)
    picked = logits[np.arange(len(wanted)), wanted]
    return float(np.mean(np.log(np.exp(logits).sum(1)) - picked))
