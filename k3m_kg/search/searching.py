"""Searches of a catalog: by words, by a picture, by another product.

A text finds by its words in titles and values (BM25); the model, which reads it as if it were a
title, decides between what words find about equally good, and fills up what they leave
(docs/benchmarks.md, "Search").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

from k3m_kg.errors import UsageError
from k3m_kg.search.asked import AskedProduct, asked_vectors
from k3m_kg.search.found import FoundProduct
from k3m_kg.search.kept import KeptVectors
from k3m_kg.search.nearest import centred
from k3m_kg.search.part_maps import mapped
from k3m_kg.use.open_model import OpenModel

By = Literal["both", "words", "model"]
WAYS: tuple[By, ...] = ("both", "words", "model")
_WEIGHT = 0.1
"""Of the model's cosine beside the share of the best BM25."""
_DEPTH = 1000
"""So many that words find are ordered anew."""


class Searcher:
    """Searches the products of an opened model's snapshot.

    Args:
        opened: the model.
        kept: their vectors.
    """

    def __init__(self, opened: OpenModel, kept: KeptVectors) -> None:
        self.opened, self.kept = opened, kept

    def by_texts(self, texts: Sequence[str], top: int, by: By = "both") -> list[list[FoundProduct]]:
        """The products that each text describes, the best first.

        Raises:
            UsageError: no word to search by.
            ArtifactError: the model reads no titles, and is to search by itself.
        """
        if not all(any(map(str.isalnum, text)) for text in texts):
            raise UsageError("no word to search by", where="TEXT")
        if by == "words" or (by == "both" and not self.reads("title")):
            return [self._found(*self.kept.words.find(text, top), "words") for text in texts]
        queries_QH = self._queries([AskedProduct(text) for text in texts], "title")
        nearest = self._nearest(queries_QH, top)
        if by == "model":
            return [self._found(rows, scores, "model") for rows, scores in nearest]
        return [
            self._of_both(text, query_H, *more, top)
            for text, query_H, more in zip(texts, queries_QH, nearest, strict=True)
        ]

    def _of_both(
        self, text: str, query_H: np.ndarray, near: np.ndarray, cosines: np.ndarray, top: int
    ) -> list[FoundProduct]:
        """What words find, ordered with the model's help; then what only the model finds."""
        rows, said = self.kept.words.find(text, max(top, _DEPTH))
        middle = self.kept.middle_H
        own = centred(query_H[None], middle)[0]
        scores = said / max(float(said.max(initial=0)), 1e-9)
        scores = scores + _WEIGHT * (centred(self.kept.vectors_NH[rows], middle) @ own)
        best = np.lexsort((rows, -scores))[:top]
        rest = ~np.isin(near, rows)
        found = self._found(rows[best], scores[best], "words")
        return [*found, *self._found(near[rest], _WEIGHT * cosines[rest], "model")][:top]

    def by_pictures(self, images: Sequence[Image.Image], top: int) -> list[list[FoundProduct]]:
        """The products that each picture may be of.

        Raises:
            ArtifactError: the model sees no pictures.
        """
        queries_QH = self._queries([AskedProduct(None, image) for image in images], "image")
        found = self._nearest(queries_QH, top)
        return [self._found(rows, scores, "model") for rows, scores in found]

    def like(self, rows: Sequence[int], top: int) -> list[list[FoundProduct]]:
        """The products whose vectors are nearest to those of some of them, itself left out."""
        own = np.asarray(rows, np.int64)
        rows_QK, scores_QK = self.kept.nearest.find(self.kept.vectors_NH[own], top + 1)
        found = []
        for row, mine, scores in zip(own.tolist(), rows_QK, scores_QK, strict=True):
            others = (mine != row) & (mine >= 0)
            found.append(self._found(mine[others][:top], scores[others][:top], "model"))
        return found

    def reads(self, name: str) -> bool:
        """Whether the model can be asked by a title, or a picture, alone."""
        trained = self.opened.trained
        return trained.known_products is None and name in trained.sees

    def _queries(self, asked: Sequence[AskedProduct], part: str) -> np.ndarray:
        """(Q, H)."""
        alone_QH = asked_vectors(self.opened, asked)
        return mapped(alone_QH, self.kept.maps[part], self.kept.middle_H)

    def _nearest(self, queries_QH: np.ndarray, top: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows and cosines of each."""
        rows_QK, scores_QK = self.kept.nearest.find(queries_QH, top)
        return [
            (rows[rows >= 0], scores[rows >= 0])
            for rows, scores in zip(rows_QK, scores_QK, strict=True)
        ]

    def _found(self, rows: np.ndarray, scores: np.ndarray, by: str) -> list[FoundProduct]:
        snapshot = self.opened.snapshot
        return [
            FoundProduct(snapshot.ids[row], snapshot.titles[row].as_py(), score, by)
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
        ]
