"""Searches of a catalog: by words, by a picture, by another product.

A text finds by its words in titles and values (BM25), and then by what the model reads out of it as
if it were a title. Words go first: any mixture of both orders was worse (docs/benchmarks.md,
"Search").
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
from k3m_kg.search.part_maps import mapped
from k3m_kg.use.open_model import OpenModel

By = Literal["both", "words", "model"]
WAYS: tuple[By, ...] = ("both", "words", "model")


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
        found: list[list[FoundProduct]] = [[] for _ in texts]
        if by != "model":
            found = [self._found(*self.kept.words.find(text, top), "words") for text in texts]
        if by == "model" or (by == "both" and self.reads("title")):
            few = [place for place, mine in enumerate(found) if len(mine) < top]
            asked = [AskedProduct(texts[place]) for place in few]
            more = self._by_vectors(asked, "title", top) if few else []
            for place, others in zip(few, more, strict=True):
                there = {one.product for one in found[place]}
                rest = [one for one in others if one.product not in there]
                found[place] = [*found[place], *rest][:top]
        return found

    def by_pictures(self, images: Sequence[Image.Image], top: int) -> list[list[FoundProduct]]:
        """The products that each picture may be of.

        Raises:
            ArtifactError: the model sees no pictures.
        """
        return self._by_vectors([AskedProduct(None, image) for image in images], "image", top)

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

    def _by_vectors(
        self, asked: Sequence[AskedProduct], part: str, top: int
    ) -> list[list[FoundProduct]]:
        alone_QH = asked_vectors(self.opened, asked)
        queries_QH = mapped(alone_QH, self.kept.maps[part], self.kept.middle_H)
        rows_QK, scores_QK = self.kept.nearest.find(queries_QH, top)
        return [
            self._found(rows[rows >= 0], scores[rows >= 0], "model")
            for rows, scores in zip(rows_QK, scores_QK, strict=True)
        ]

    def _found(self, rows: np.ndarray, scores: np.ndarray, by: str) -> list[FoundProduct]:
        snapshot = self.opened.snapshot
        return [
            FoundProduct(snapshot.ids[row], snapshot.titles[row].as_py(), score, by)
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
        ]
