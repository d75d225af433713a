"""A snapshot's products as questions show them to a linear model."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from k3m_kg.batches.batcher import Batcher
from k3m_kg.contracts import Catalog
from k3m_kg.lpm.questions import WHOLE_PROPERTY, Triples, stated_of
from k3m_kg.snapshot.holdout import UNTRUE, is_shown

_LONG_TEXT = 6
"""Words of a property's median value from which it is read as text: a description."""


class View:
    """What may be seen of one snapshot's products.

    Args:
        batcher: of the snapshot.
        catalog: the terms that all ids refer to; it holds the snapshot's.
        hide: ids of properties that no question sees.
        cut_title: cut the words of the asked value out of the texts.
    """

    def __init__(
        self, batcher: Batcher, catalog: Catalog, hide: np.ndarray, *, cut_title: bool
    ) -> None:
        self.batcher = batcher
        self.snapshot = batcher.snapshot
        self.catalog = catalog
        self.hide = hide
        self.cut_title = cut_title

    @cached_property
    def _stated(self) -> tuple[Triples, np.ndarray, np.ndarray]:
        """All triples by product, how each is marked, and where each product's begin."""
        rows = np.arange(len(self.snapshot))
        stated, marks_E = stated_of(self.snapshot, self.catalog, rows)
        starts = np.searchsorted(stated.rows, np.arange(len(rows) + 1))
        return stated, marks_E, starts

    @property
    def known(self) -> Triples:
        """The triples that training has: of train products, none that is held out."""
        stated, marks_E, _ = self._stated
        return stated[(marks_E == 0) & (self.snapshot.split[stated.rows] == 0)]

    @cached_property
    def long_texts(self) -> np.ndarray:
        """Ids of the properties whose values are texts rather than names, int64."""
        known = self.known
        words = np.array([len(text.split()) for text in self.catalog.values])
        found = [
            name
            for name in np.unique(known.properties).tolist()
            if np.median(words[known.values[known.properties == name]]) >= _LONG_TEXT
        ]
        return np.array(found, np.int64)

    def seen(self, questions: Triples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Question, property id and value id of the triples that questions see, flat, int64."""
        question, index = self._of(questions.rows)
        stated, marks_E, _ = self._stated
        name, value, mark = stated.properties[index], stated.values[index], marks_E[index]
        asked_value = questions.values[question]
        asked = (name == questions.properties[question]) & (
            (value == asked_value) | (asked_value == WHOLE_PROPERTY) | (mark == UNTRUE)
        )
        visible = is_shown(mark) & ~np.isin(name, self.hide) & ~asked
        return question[visible], name[visible], value[visible]

    def answers(self, questions: Triples) -> list[list[str]]:
        """What each question must not read: its value, or all values of its property."""
        found = [
            [] if value == WHOLE_PROPERTY else [self.catalog.values[value]]
            for value in questions.values.tolist()
        ]
        whole = np.flatnonzero(questions.values == WHOLE_PROPERTY)
        question, index = self._of(questions.rows[whole])
        stated, marks_E, _ = self._stated
        mine = stated.properties[index] == questions.properties[whole][question]
        mine &= marks_E[index] != UNTRUE
        pairs = zip(question[mine].tolist(), stated.values[index[mine]].tolist(), strict=True)
        for place, value in pairs:
            found[int(whole[place])].append(self.catalog.values[value])
        return found

    def titles(self, rows: np.ndarray) -> list[str]:
        """The titles of products, empty where there is none."""
        return [text or "" for text in self.snapshot.titles.take(rows).to_pylist()]

    def _of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All triples of some products: index into `rows`, and index into what is stated."""
        _, _, starts = self._stated
        counts = starts[rows + 1] - starts[rows]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(np.arange(len(rows)), counts), np.repeat(starts[rows], counts) + within
