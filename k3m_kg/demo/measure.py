"""Both models and the perfect reader answer the same questions, of whole and of maimed products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from k3m_kg.batches.split_questions import questions_of
from k3m_kg.demo.ceiling import Sources, ceiling
from k3m_kg.demo.generator import Mess, Truth
from k3m_kg.lpm.link_ranks import rank_by_frequency, rank_questions
from k3m_kg.lpm.questions import Visibility
from k3m_kg.lpm.ranking import Ranks
from k3m_kg.use.open_model import open_model
from k3m_kg.use.partial import Partial

RANDOM_PROPERTY = "warranty"
"""Depends on nothing: nobody can do better than its most frequent value."""

K3M, PLAIN, CEILING, PLAIN_CEILING, MAJORITY = (
    "K3M",
    "without knowledge",
    "ceiling",
    "ceiling without knowledge",
    "majority",
)
CONDITIONS = {"all": (True, True), "no title": (False, True), "no image": (True, False)}
"""Whether the title and the image are there."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Who answered which question right, Q questions in all.

    Attributes:
        products: the product of each question, as a place among the test products.
        properties: the asked property of each question.
        right: (who, condition) -> bool (Q,).
    """

    products: np.ndarray
    properties: list[str]
    right: dict[tuple[str, str], np.ndarray]

    def per_property(self, who: str) -> dict[str, float]:
        """Accuracy by property, everything present that the catalog has."""
        names = np.array(self.properties)
        right = self.right[who, "all"]
        return {name: float(right[names == name].mean()) for name in sorted(set(self.properties))}

    def as_missing(self, who: str, condition: str, share: float, seed: int = 0) -> float:
        """Accuracy if a random `share` of the products lacked what `condition` takes away.

        The products that lack it at one share lack it at every larger one; questions about the
        random property are left out.
        """
        chance = np.random.default_rng(seed).random(self.products.max() + 1)
        lacking = chance[self.products] < share
        answered = np.where(lacking, self.right[who, condition], self.right[who, "all"])
        return float(answered[np.array(self.properties) != RANDOM_PROPERTY].mean())


def measure(
    k3m: Path,
    plain: Path,
    truths: dict[str, Truth],
    mess: Mess,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Scorecard:
    """Ask every triple of the test products; `progress` is told of questions done, and of all."""
    opened = open_model(k3m, None)
    catalog, snapshot = opened.batcher.catalog, opened.snapshot
    questions, truth, _ = questions_of(opened.batcher, "test")
    questions = questions[np.lexsort((questions.rows, questions.properties))]
    names = [catalog.properties[place] for place in questions.properties]
    asked = [
        (truths[snapshot.ids[row]], name)
        for row, name in zip(questions.rows.tolist(), names, strict=True)
    ]
    counter = _Counter(2 * len(CONDITIONS) * len(questions), progress)
    right: dict[tuple[str, str], np.ndarray] = {}
    majority = rank_by_frequency(catalog, questions, truth)
    right[MAJORITY, "all"] = _first(majority.ranks)
    for who, path in ((K3M, k3m), (PLAIN, plain)):
        model = open_model(path, None)
        hidden = np.arange(len(catalog.properties) if who == PLAIN else 0)
        for condition, (title, image) in CONDITIONS.items():
            there = {"title": title, "image": image}
            absent = [name for name, shown in there.items() if not shown]
            found = rank_questions(
                model.predictor,
                Partial(model.batcher, absent),
                questions,
                Visibility(hide=hidden),
                truth=truth,
                batch_size=256,
                progress=counter,
            )
            right[who, condition] = _first(found.ranks)
    for condition, (title, image) in CONDITIONS.items():
        right[CEILING, condition] = ceiling(asked, mess, Sources(title, image))
        right[PLAIN_CEILING, condition] = ceiling(asked, mess, Sources(title, image, False))
    return Scorecard(np.unique(questions.rows, return_inverse=True)[1], names, right)


def _first(ranks: list[Ranks]) -> np.ndarray:
    every = Ranks.join(ranks)
    return np.asarray((every.realistic_Q <= 1) & ~every.unseen_Q)


class _Counter:
    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, more: int) -> None:
        self._done += more
        self._progress(self._done, self._total)
