"""Product alignment: pairs of products, told to be the same one or not; and candidates for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from k3m_kg.api import (
    Decisions,
    Evaluation,
    OpenModel,
    Outcomes,
    ProductPairs,
    Ranking,
    Scores,
    Similarities,
    StageProgress,
    Triples,
    TuneSettings,
    UsageError,
    figure_lines,
    fit_forest,
    fit_pairs,
    item_numbers,
    joined,
    threshold_of,
    verdict_lines,
    verdict_of,
)
from k3m_kg_evaluations.pair_models import crossed, finetuned
from k3m_kg_evaluations.pair_view import PairView
from k3m_kg_evaluations.pairs import PairData, pairs_of
from k3m_kg_evaluations.settings import AlignmentSettings

CANDIDATES = (1, 5, 10, 50)
_RATES = {"finetune": 3e-4, "cross": 5e-5}
_COSINE = "the cosine of {}"
_SIMPLE = "a linear model on similarities"
_FOREST = "a random forest on similarities"
_QUERIES_AT_ONCE = 512

Learned = Callable[[PairView, ProductPairs], np.ndarray]
"""Gives the log-odds of pairs as a view shows their products."""


class Alignment(Evaluation[OpenModel]):
    """Tells whether two products are one."""

    ranks = False
    measure = "f1"

    def __init__(self, settings: AlignmentSettings) -> None:
        self.settings = settings
        self._outcomes: dict[str, Outcomes] = {}
        self._kept: tuple[OpenModel, Learned, float] | None = None

    def run(self, opened: OpenModel, split: str, progress: StageProgress) -> dict[str, Any]:
        """`metrics`: `f1`, `precision`, `recall`, with a threshold chosen on validation;
        `average_precision`; `candidates@k`, how often the right product is among the k nearest.

        Raises:
            UsageError: no pairs, or a split without both kinds.
            CatalogError: a file of pairs that cannot be read.
        """
        asked = self.settings
        data = pairs_of(opened, asked)
        self._check(data, split)
        train, pairs = data.parts["train"], data.parts[split]
        learned, threshold = self._learned(opened, data, progress)
        rows = np.unique(np.concatenate([pairs.left, pairs.right, data.gallery]))
        seen = PairView(opened, rows, asked, progress)
        found = _Decided(learned(seen, pairs), threshold)
        items = _items(opened, pairs)
        self._outcomes = {
            "f1": Decisions(items, pairs.families, found.said, pairs.same),
            "average_precision": Ranking(items, pairs.families, found.scores, pairs.same),
        }
        metrics: dict[str, Any] = _figures(found, pairs)
        candidates = _candidates(rows, seen.vectors_NH, data.gallery, pairs)
        right = pairs[np.flatnonzero(pairs.same)]
        for k in CANDIDATES:
            scores = Scores(
                _items(opened, right),
                right.families,
                (candidates <= k).astype(float),
                np.zeros(len(right)),
            )
            metrics[f"candidates@{k}"] = scores.figure()
            self._outcomes[f"candidates@{k}"] = scores
        report: dict[str, Any] = {
            "metrics": metrics
            | {
                "threshold": found.threshold,
                "pairs": len(pairs),
                "same": int(pairs.same.sum()),
                "train": len(train),
                "gallery": len(data.gallery),
            },
            "mode": asked.mode,
            "words": asked.words,
            "source": data.source,
            "hide_modalities": list(asked.hide_modalities),
            "notes": data.notes,
        }
        if asked.baselines:
            report |= self._beside(opened, data, split, seen, items, progress)
        return report

    def outcomes(self) -> dict[str, Outcomes]:
        """By pair; families of products that right pairs hold together are drawn as wholes."""
        return self._outcomes

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """The figures with their intervals, those of the competitors, the verdict."""
        metrics = report["metrics"]
        hidden = report["hide_modalities"]
        yield (
            f"alignment on {report['split']} ({report['mode']}), {metrics['pairs']:,} pairs, "
            f"{metrics['same']:,} of them the same product; {report['source']}, "
            f"{metrics['train']:,} of them to learn from"
            + (f"; without {' and '.join(hidden)}" if hidden else "")
        )
        shown = ("f1", "precision", "recall", "average_precision")
        figures = {name: metrics[name] for name in shown}
        yield from figure_lines(figures, intervals=report.get("intervals"))
        yield f"the right one of {metrics['gallery']:,} is among the nearest"
        near = {f"candidates@{k}": metrics[f"candidates@{k}"] for k in CANDIDATES}
        yield from figure_lines(near, indent="  ", intervals=report.get("intervals"))
        for name, row in report.get("baselines", {}).items():
            text = ", ".join(f"{key} {value:.4f}" for key, value in row.items())
            yield f"{name}: {text}"
        yield from report["notes"]
        yield from verdict_lines(report)

    def _check(self, data: PairData, split: str) -> None:
        for name in ("train", split):
            kinds = len(np.unique(data.parts[name].same))
            if kinds < 2:
                what = "no pairs" if not len(data.parts[name]) else "pairs of one kind only"
                raise UsageError(
                    f"{name} has {what}",
                    where="--task alignment",
                    hint="right and wrong pairs are needed, in train and in what is asked",
                )

    def _learned(
        self, opened: OpenModel, data: PairData, progress: StageProgress
    ) -> tuple[Learned, float]:
        """What tells pairs apart, and from where on; once for a model and all views of its
        snapshot: they have the same train and validation parts.
        """
        home, asked = opened.whole or opened, self.settings
        if self._kept is not None and self._kept[0] is home:
            return self._kept[1:]
        train, validation = data.parts["train"], data.parts["validation"]
        seen = _seen_to_learn(home, data, asked, progress)
        learned: Learned
        if asked.mode == "probe":
            fitted = fit_pairs(
                (seen.features(train), train.same), (seen.features(validation), validation.same)
            )

            def learned(view: PairView, pairs: ProductPairs) -> np.ndarray:
                return fitted(view.features(pairs))
        else:
            rate = _RATES[asked.mode] if asked.learning_rate is None else asked.learning_rate
            settings = TuneSettings(
                epochs=asked.epochs, batch_size=32, learning_rate=rate, head_learning_rate=1e-3
            )
            train_it = finetuned if asked.mode == "finetune" else crossed
            judge = train_it(
                home, asked.hide_modalities, train, validation, settings, asked.keep, progress
            )

            def learned(view: PairView, pairs: ProductPairs) -> np.ndarray:
                return judge(view.opened, pairs)

        threshold = _threshold(lambda pairs: learned(seen, pairs), data)
        self._kept = home, learned, threshold
        return learned, threshold

    def _beside(
        self,
        opened: OpenModel,
        data: PairData,
        split: str,
        seen: PairView,
        items: np.ndarray,
        progress: StageProgress,
    ) -> dict[str, Any]:
        """What the competitors say of the same pairs, and who is ahead."""
        train, validation, pairs = (data.parts[name] for name in ("train", "validation", split))
        whole = _seen_to_learn(opened.whole or opened, data, self.settings, progress).similarities
        simple = seen.similarities
        fitted = fit_pairs((whole(train), train.same), (whole(validation), validation.same))
        forest = fit_forest((whole(train), train.same))
        judges: dict[str, Callable[[Similarities, ProductPairs], np.ndarray]] = {
            _SIMPLE: lambda some, of: fitted(some(of)),
            _FOREST: lambda some, of: forest(some(of)),
        }
        known = simple.cosines(pairs)
        one = next((name for name in ("words", "attributes") if name in known), None)
        if one is not None:
            judges[_COSINE.format(one)] = lambda some, of: some.cosines(of)[one]
        baselines, outcomes = {}, {}
        for name, judge in judges.items():
            threshold = _threshold(partial(judge, whole), data)
            found = _Decided(judge(simple, pairs), threshold)
            baselines[name] = _figures(found, pairs)
            outcomes[name] = Decisions(items, pairs.families, found.said, pairs.same)
        if one is not None:
            words = joined(seen.read(Triples.each(seen.rows))[one])
            near = _candidates(seen.rows, words, data.gallery, pairs)
            baselines[_COSINE.format(one)] |= {
                f"candidates@{k}": float((near <= k).mean()) for k in CANDIDATES
            }
        verdict = verdict_of(
            self._outcomes["f1"], outcomes, what="alignment", split=split, measure="F1"
        )
        return {"baselines": baselines, "verdict": verdict.model_dump()}


class _Decided:
    """Scores of pairs, and what they say from a threshold on."""

    def __init__(self, scores: np.ndarray, threshold: float) -> None:
        self.scores, self.threshold = scores, threshold
        self.said = scores > threshold


def _seen_to_learn(
    home: OpenModel, data: PairData, asked: AlignmentSettings, progress: StageProgress
) -> PairView:
    """The products of train and validation pairs, none of them corrupted."""
    parts = (data.parts["train"], data.parts["validation"])
    rows = np.unique(np.concatenate([side for part in parts for side in (part.left, part.right)]))
    return PairView(home, rows, asked, progress, "encode to learn")


def _threshold(judge: Callable[[ProductPairs], np.ndarray], data: PairData) -> float:
    """Chosen on validation; on train where that has not both kinds."""
    validation = data.parts["validation"]
    chosen = validation if len(np.unique(validation.same)) == 2 else data.parts["train"]
    return threshold_of(judge(chosen), chosen.same)


def _figures(found: _Decided, pairs: ProductPairs) -> dict[str, float]:
    every = np.arange(len(pairs))
    right = int((found.said & pairs.same).sum())
    return {
        "f1": Decisions(every, every, found.said, pairs.same).figure(),
        "precision": right / max(1, int(found.said.sum())),
        "recall": right / max(1, int(pairs.same.sum())),
        "average_precision": Ranking(every, every, found.scores, pairs.same).figure(),
    }


def _items(opened: OpenModel, pairs: ProductPairs) -> np.ndarray:
    """Of both ids; a pair that stands in a file again is another item."""
    ids, seen = opened.snapshot.ids, Counter[tuple[int, int]]()
    texts = []
    for pair in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True):
        texts.append(f"{ids[pair[0]]}\t{ids[pair[1]]}\t{seen[pair]}")
        seen[pair] += 1
    return item_numbers(texts)


def _candidates(
    rows: np.ndarray, vectors: Any, gallery: np.ndarray, pairs: ProductPairs
) -> np.ndarray:
    """The rank of each right pair's right product by cosine to its left one, from 1.

    Other products that are right for the same left one are left out. Dense vectors are taken
    around the mean of the gallery.
    """
    right = pairs[np.flatnonzero(pairs.same)]
    things = vectors[np.searchsorted(rows, gallery)]
    asked, where_N = np.unique(right.left, return_inverse=True)
    queries = vectors[np.searchsorted(rows, asked)]
    if isinstance(vectors, np.ndarray):
        middle = things.mean(0)
        things, queries = things - middle, queries - middle
        things = things / np.maximum(np.linalg.norm(things, axis=1, keepdims=True), 1e-12)
    else:
        length = np.sqrt(np.asarray(things.multiply(things).sum(1))).ravel()
        things = things.multiply(1 / np.maximum(length, 1e-12)[:, None]).tocsr()
    rank_N = np.zeros(len(right), np.int64)
    goal_N = np.searchsorted(gallery, right.right)
    for start in range(0, len(asked), _QUERIES_AT_ONCE):
        scores_QG = queries[start : start + _QUERIES_AT_ONCE] @ things.T
        scores_QG = np.asarray(
            scores_QG if isinstance(scores_QG, np.ndarray) else scores_QG.todense()
        )
        for place, scores_G in enumerate(scores_QG):
            mine = np.flatnonzero(where_N == start + place)
            goals = goal_N[mine]
            others = np.ones(len(gallery), bool)
            others[goals] = False
            others &= gallery != asked[start + place]
            for pair, goal in zip(mine.tolist(), goals.tolist(), strict=True):
                above = int((scores_G[others] > scores_G[goal]).sum())
                level = int((scores_G[others] == scores_G[goal]).sum())
                rank_N[pair] = 1 + above + -(-level // 2)  # ties: the middle, never the first
    return rank_N
