"""Titles and pictures of the same products, each as the vectors of what shows nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from k3m_kg.api import (
    TRIPLES,
    Advance,
    Competitors,
    LinkPredictor,
    OpenModel,
    Partial,
    StageProgress,
    Triples,
    TuneSettings,
    Visibility,
    counted,
    counted_stages,
    heads_of,
    heads_to_train,
    joined,
    tune,
)
from k3m_kg_evaluations.maps import Maps, Side, fit_maps, mapped, mean_rank, same_of

TITLE, IMAGE = "title", "image"
_WIDE = 256
"""Columns of a competitor beyond which its inputs are brought to so many."""


@dataclass(frozen=True, slots=True)
class Both:
    """Products of a split that have a title and a picture.

    Attributes:
        rows: (N,).
        groups: for titles and for pictures, (N,) numbers that are equal for equal ones.
    """

    rows: np.ndarray
    groups: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, opened: OpenModel, split: str, most: int) -> Both:
        """At most so many, at random; who has what is asked of the snapshot before corruption."""
        whole = opened.snapshot.whole
        rows = whole.rows(split)
        titles = np.array(whole.titles.take(rows).to_pylist(), object)
        has = np.array([bool(title and title.strip()) for title in titles], bool)
        has &= whole.image_offsets[rows + 1] > whole.image_offsets[rows]
        rows, titles = rows[has], titles[has]
        if len(rows) > most:
            chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:most])
            rows, titles = rows[chosen], titles[chosen]
        texts = [" ".join(title.lower().split()) for title in titles.tolist()]
        number = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        title_N = np.array([number[text] for text in texts], np.int64)
        return cls(rows, (title_N, whole.image_thumbnail[whole.image_offsets[rows]]))

    @property
    def same_NN(self) -> np.ndarray:
        """Which titles and pictures belong together: equal ones are as good as a product's own."""
        return same_of(self.groups)


Parts = dict[str, Both]
"""By split: train, validation and what is asked."""
Shown = tuple[np.ndarray, np.ndarray]
"""Vectors of titles and of pictures."""


@dataclass(frozen=True, slots=True)
class Sides:
    """A model's way from titles and pictures into one space.

    Attributes:
        predictor: the model, or a copy that was trained for it.
        maps: of both sides; None: their vectors are compared as they are, around their means.
    """

    predictor: LinkPredictor
    maps: Maps | None

    @classmethod
    def fit(
        cls,
        opened: OpenModel,
        parts: Parts,
        mode: str,
        epochs: int,
        batch_size: int,
        progress: StageProgress,
    ) -> Sides:
        """Learned from train products; nothing is, where the mode is `direct`."""
        if mode == "direct":
            return cls(opened.predictor, None)
        told = counted(progress, "encode")
        train, validation = (
            (*_shown(opened, opened.predictor, part.rows, batch_size, told), part.groups)
            for part in (parts["train"], parts["validation"])
        )
        maps = fit_maps(train, validation)
        if mode == "probe":
            return cls(opened.predictor, maps)
        return cls(_tuned(opened, parts, maps, epochs, batch_size, progress), maps)

    def of(self, opened: OpenModel, part: Both, batch_size: int, progress: StageProgress) -> Shown:
        """Titles and pictures of some products, as a view shows them."""
        told = counted(progress, "search sides")
        both = _shown(opened, self.predictor, part.rows, batch_size, told)
        return _centred(both) if self.maps is None else mapped(self.maps, *both)


def simple_sides(
    opened: OpenModel, parts: Parts, split: str, progress: StageProgress
) -> Shown | None:
    """The same of what linear models read of titles and of pictures, through linear maps.

    None where these say nothing.
    """
    of_sides = []
    for other in (IMAGE, TITLE):
        shown = [TRIPLES, *(name for name in opened.trained.sees if name != TRIPLES)]
        kept = TITLE if other == IMAGE else IMAGE
        without = [name for name in shown if name != kept]
        competitors = Competitors.of(opened, without, progress, usual=False)
        read = competitors.reading(opened.batcher, np.empty(0, np.int64), cut_title=False)
        found = {}
        for name in dict.fromkeys(("train", "validation", split)):
            inputs = read(Triples.each(parts[name].rows))
            if not inputs:
                return None
            found[name] = joined(
                [part for key, each in inputs.items() if key != "all" for part in each]
            )
        reduce = _reducer(found["train"])
        of_sides.append({name: reduce(matrix) for name, matrix in found.items()})
    titles, pictures = of_sides
    sides: dict[str, Side] = {
        name: (titles[name], pictures[name], parts[name].groups) for name in titles
    }
    maps = fit_maps(sides["train"], sides["validation"])
    return mapped(maps, *sides[split][:2])


def _shown(
    opened: OpenModel,
    predictor: LinkPredictor,
    rows: np.ndarray,
    batch_size: int,
    told: Advance | None,
) -> Shown:
    left, right = (
        _vectors(predictor, opened, rows, name, batch_size, told) for name in (TITLE, IMAGE)
    )
    return left, right


def _vectors(
    predictor: LinkPredictor,
    opened: OpenModel,
    rows: np.ndarray,
    name: str,
    batch_size: int,
    told: Advance | None,
) -> np.ndarray:
    """(N, H) of products that show nothing but one modality."""
    source = Partial.only(opened.batcher, (name,))
    questions, seen = Triples.each(rows), Visibility(cut_title=False)
    blocks = heads_of(predictor, source, questions, seen, batch_size=batch_size, progress=told)
    found = [head_BH.cpu().numpy() for head_BH in blocks]
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def _tuned(
    opened: OpenModel,
    parts: Parts,
    maps: Maps,
    epochs: int,
    batch_size: int,
    progress: StageProgress,
) -> LinkPredictor:
    """A copy of the model, trained with the maps."""
    model = copy.deepcopy(opened.predictor)
    maps.to(opened.trained.device)
    train, validation = parts["train"], parts["validation"]
    sources = [Partial.only(opened.batcher, (name,)) for name in (TITLE, IMAGE)]

    def loss(chosen: np.ndarray) -> Tensor:
        questions, seen = Triples.each(train.rows[chosen]), Visibility(cut_title=False)
        left, right = (heads_to_train(model, source, questions, seen) for source in sources)
        same_NN = same_of((train.groups[0][chosen], train.groups[1][chosen]))
        return maps.loss(left, right, torch.from_numpy(same_NN).to(left.device))

    def check() -> float | None:
        if len(validation.rows) < 2:
            return None
        both = _shown(opened, model, validation.rows, batch_size, None)
        return mean_rank(*mapped(maps, *both), validation.same_NN)

    settings = TuneSettings(epochs=epochs, batch_size=opened.trained.batch_size)
    count = len(train.rows)
    tune(model, maps, count, loss, check, settings, progress=counted_stages(progress))
    return model


def _centred(both: Shown) -> Shown:
    """Each side around its own mean, of length 1: what all titles share says nothing."""
    left, right = ((vectors - vectors.mean(0)).astype(np.float32) for vectors in both)
    length = [np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (left, right)]
    return left / length[0], right / length[1]


def _reducer(matrix: Any) -> Callable[[Any], np.ndarray]:
    """Brings a wide matrix to its strongest directions, learned on train products."""
    rows, columns = matrix.shape
    width = min(_WIDE, rows - 1, columns - 1)
    if columns <= _WIDE or width < 1:
        return lambda found: np.asarray(found.toarray(), np.float32)
    from sklearn.decomposition import TruncatedSVD

    fitted = TruncatedSVD(width, random_state=0).fit(matrix)
    return lambda found: np.asarray(fitted.transform(found), np.float32)
