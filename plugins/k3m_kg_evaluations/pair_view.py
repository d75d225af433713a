"""What one view of a catalog shows of the products of pairs.

N products; each part is worked out when it is first asked for, as not every task needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from k3m_kg.api import (
    Competitors,
    OpenModel,
    Partial,
    ProductPairs,
    Similarities,
    StageProgress,
    Triples,
    Visibility,
    counted,
    heads_of,
    pair_features,
    sentence_vectors,
    shown_titles,
)
from k3m_kg_evaluations.settings import AlignmentSettings


class PairView:
    """Products as a model and its competitors see them.

    Args:
        opened: the model on the view.
        rows: (N,) ascending; the products of all pairs that it will be asked about.
        asked: what is hidden.
        progress: told of products.
        stage: what it is told of.
    """

    def __init__(
        self,
        opened: OpenModel,
        rows: np.ndarray,
        asked: AlignmentSettings,
        progress: StageProgress,
        stage: str = "encode",
    ) -> None:
        self.opened, self.rows = opened, rows
        self._asked, self._progress, self._stage = asked, progress, stage

    @cached_property
    def vectors_NH(self) -> np.ndarray:
        """`c*`."""
        hidden = self._asked.hide_modalities
        blocks = heads_of(
            self.opened.predictor,
            Partial.hiding(self.opened.batcher, hidden, "--hide-modality"),
            Triples.each(self.rows),
            Visibility(cut_title=False),
            batch_size=self._asked.batch_size,
            progress=counted(self._progress, self._stage),
        )
        return np.concatenate([head_BH.cpu().numpy() for head_BH in blocks])

    @cached_property
    def competitors(self) -> Competitors:
        """Who is asked the same."""
        hidden = self._asked.hide_modalities
        return Competitors.of(self.opened, hidden, self._progress, usual=False)

    @cached_property
    def read(self) -> Callable[[Triples], dict[str, Any]]:
        """What linear models read of products."""
        nothing = np.empty(0, np.int64)
        return self.competitors.reading(self.opened.batcher, nothing, cut_title=False)

    @cached_property
    def similarities(self) -> Similarities:
        """Of pairs."""
        return Similarities(self.opened, self.competitors.shown, self.read)

    @cached_property
    def _sentences(self) -> np.ndarray | None:
        hidden = self._asked.hide_modalities
        return sentence_vectors(self.opened, shown_titles(self.opened, self.rows, hidden))

    def features(self, pairs: ProductPairs) -> np.ndarray:
        """(pairs, F): what a probe reads."""
        left, right = (np.searchsorted(self.rows, side) for side in (pairs.left, pairs.right))
        found = [pair_features(self.vectors_NH[left], self.vectors_NH[right])]
        if self._asked.words:
            if self._sentences is not None:
                found.append(pair_features(self._sentences[left], self._sentences[right]))
            found.append(self.similarities(pairs))
        return np.concatenate(found, 1)
