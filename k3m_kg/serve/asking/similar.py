"""Answers that come from the vectors of all products: searches, what is alike, what is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.errors import K3MError
from k3m_kg.matching.blocking import Blocking
from k3m_kg.matching.finding import MatchedPair, matched, probabilities
from k3m_kg.matching.known import pairs_of_file
from k3m_kg.matching.pair_model import PairModel, learned, unlearned
from k3m_kg.matching.pair_view import ComparedProducts
from k3m_kg.search.asked import read_picture
from k3m_kg.search.kept import KeptVectors, in_memory, is_fresh, kept_beside, open_kept
from k3m_kg.search.searching import Searcher
from k3m_kg.serve.asking.kinds import Matching, Resembling, Searching, SearchingPictures
from k3m_kg.use.open_model import OpenModel

FEW = 10_000
"""Products whose vectors are made when they are first asked for; of more they must be kept."""


class SimilarAnswers:
    """Made when it is first asked.

    Args:
        opened: the model.
        vectors: where the products' vectors are kept; None: beside the artifact.
        pairs: known pairs to learn from; None: in place of probabilities there is likeness.
    """

    def __init__(self, opened: OpenModel, vectors: Path | None, pairs: Path | None) -> None:
        self._opened, self._vectors, self._pairs = opened, vectors, pairs

    def searched(self, kind: Searching, texts: Sequence[str]) -> dict[Any, Any]:
        """Products by text."""
        found = self._searcher.by_texts(texts, kind.top, kind.by)  # type: ignore[arg-type]
        return dict(zip(texts, found, strict=True))

    def pictured(self, kind: SearchingPictures, files: Sequence[bytes]) -> dict[Any, Any]:
        """Products by picture; a file that is none is an error of its own."""
        answers: dict[Any, Any] = {}
        images = []
        with tempfile.TemporaryDirectory(prefix="k3m-kg-asked-") as folder:
            for place, content in enumerate(files):
                path = Path(folder, f"{place}.picture")
                path.write_bytes(content)
                try:
                    images.append((content, read_picture(path, self._opened.snapshot)))
                except K3MError as error:
                    answers[content] = K3MError(error.message)
        if images:
            found = self._searcher.by_pictures([image for _, image in images], kind.top)
            answers |= {key: one for (key, _), one in zip(images, found, strict=True)}
        return answers

    def alike(self, kind: Resembling, known: Mapping[str, int]) -> dict[str, Any]:
        """Products by product."""
        if not known:
            return {}
        found = self._searcher.like(list(known.values()), kind.top)
        return dict(zip(known, found, strict=True))

    def same(self, kind: Matching, known: Mapping[str, int]) -> dict[str, Any]:
        """Probable pairs of each product, and whether their probability is calibrated."""
        if not known:
            return {}
        rows = np.array(list(known.values()), np.int64)
        pairs = self._candidates.of(rows, kind.each)
        share = probabilities(self._compared, self._pair_model, pairs)
        snapshot = self._opened.snapshot
        found: dict[str, list[MatchedPair]] = {id_: [] for id_ in known}
        for one in matched(snapshot, pairs, share, kind.least):
            for id_ in {one.product, one.same_as} & found.keys():
                found[id_].append(one)
        calibrated = self._pair_model.calibrated
        return {id_: (calibrated, some) for id_, some in found.items()}

    @cached_property
    def _kept(self) -> KeptVectors:
        folder = self._vectors or kept_beside(self._opened.trained.path)
        if is_fresh(folder, self._opened):
            return open_kept(folder, self._opened)
        if len(self._opened.snapshot) <= FEW:
            return in_memory(self._opened)
        raise K3MError(
            "the vectors of this catalog are not kept",
            hint="whoever runs this: `k3m-kg embed ARTIFACT ARTIFACT.vectors` makes them",
        )

    @cached_property
    def _candidates(self) -> Blocking:
        return Blocking(self._kept)

    @cached_property
    def _searcher(self) -> Searcher:
        return Searcher(self._opened, self._kept)

    @cached_property
    def _compared(self) -> ComparedProducts:
        return ComparedProducts(self._opened, self._kept, lambda stage, done, total: None)

    @cached_property
    def _pair_model(self) -> PairModel:
        if self._pairs is None:
            return unlearned()
        candidates = self._candidates.every()
        train = pairs_of_file(self._opened.snapshot, self._pairs, candidates).train
        return learned(self._compared(train.left, train.right), train.same, train.families)
