"""Both models and the perfect reader answer the same questions, of whole and of maimed products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from k3m_kg.batches.split_questions import questions_of
from k3m_kg.corruption import CORRUPTIONS, Corruption, corrupt
from k3m_kg.corruption.drawing import Draws
from k3m_kg.demo.ceiling import Sources, ceiling
from k3m_kg.demo.generator import Mess, Truth
from k3m_kg.lpm.link_ranks import rank_by_frequency, rank_questions
from k3m_kg.lpm.questions import Visibility
from k3m_kg.lpm.ranking import Ranks
from k3m_kg.use.open_model import open_model

RANDOM_PROPERTY = "warranty"
"""Depends on nothing: nobody can do better than its most frequent value."""

K3M, PLAIN, CEILING, PLAIN_CEILING, MAJORITY = (
    "K3M",
    "without knowledge",
    "ceiling",
    "ceiling without knowledge",
    "majority",
)
CONDITIONS: dict[str, str | None] = {
    "all": None,
    "no title": "TMR",
    "no image": "IMR",
    "wrong title": "TNR",
    "wrong image": "INR",
}
"""How every test product is corrupted, as `k3m-kg robustness` does it."""
_READ = {
    "all": Sources(True, True),
    "no title": Sources(False, True),
    "no image": Sources(True, False),
}
"""What the perfect reader has; of what is wrong on purpose it does not know."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Who answered which question right, Q questions in all.

    Attributes:
        products: the product of each question, as a place among the test products.
        properties: the asked property of each question.
        right: (who, condition) -> bool (Q,).
        order: the test products, by place, in the order in which corruptions meet them; None: as
            they come.
    """

    products: np.ndarray
    properties: list[str]
    right: dict[tuple[str, str], np.ndarray]
    order: np.ndarray | None = None

    def per_property(self, who: str) -> dict[str, float]:
        """Accuracy by property, everything present that the catalog has."""
        names = np.array(self.properties)
        right = self.right[who, "all"]
        return {name: float(right[names == name].mean()) for name in sorted(set(self.properties))}

    def corrupted(self, who: str, condition: str, share: float) -> float:
        """Accuracy if a `share` of the products were as `condition` says.

        The products that are so at one share are so at every larger one; questions about the random
        property are left out.
        """
        count = int(self.products.max()) + 1
        order = np.arange(count) if self.order is None else self.order
        lacking = np.isin(self.products, order[: round(share * count)])
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
        for condition, name in CONDITIONS.items():
            harm = [] if name is None else [Corruption(CORRUPTIONS[name], 1.0)]
            found = rank_questions(
                model.predictor,
                model.on(corrupt(snapshot, harm)).batcher,
                questions,
                Visibility(hide=hidden),
                truth=truth,
                batch_size=256,
                progress=counter,
            )
            right[who, condition] = _first(found.ranks)
    for condition, sources in _READ.items():
        right[CEILING, condition] = ceiling(asked, mess, sources)
        bare = Sources(sources.title, sources.image, False)
        right[PLAIN_CEILING, condition] = ceiling(asked, mess, bare)
    rows, products = np.unique(questions.rows, return_inverse=True)
    met = Draws(snapshot, snapshot.rows("test"), 0)
    order = met.rows[met.order]
    order = np.searchsorted(rows, order[np.isin(order, rows)])
    return Scorecard(products, names, right, order)


def _first(ranks: list[Ranks]) -> np.ndarray:
    every = Ranks.join(ranks)
    return np.asarray((every.realistic_Q <= 1) & ~every.unseen_Q)


class _Counter:
    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, more: int) -> None:
        self._done += more
        self._progress(self._done, self._total)
