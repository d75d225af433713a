"""What carried a proposal: its probability again, with each part of the product absent in turn.

Occlusion (Zeiler and Fergus, 2014) through the presence masks that the model was trained with: an
absent triple, word or region is one that the product does not have, not a blank one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.contracts import LinkPredictor, ProductBatch, Regions
from k3m_kg.lpm.questions import (
    NO_PROPERTY,
    WHOLE_PROPERTY,
    PropertyVectors,
    Triples,
    ask,
    device_of,
)
from k3m_kg.lpm.title_leakage import word_spans
from k3m_kg.use.completion import SEE_ALL, Temperature
from k3m_kg.use.proposals import Explanation, Part, Proposal

_PROPOSALS_AT_ONCE = 64
KINDS = ("triples", "title", "image")


@dataclass(frozen=True, slots=True)
class _Absence:
    """What one row of a batch lacks.

    Attributes:
        part: as it is reported; None where a whole kind or nothing is absent.
        triples: places among the product's triples.
        tokens: places in the title.
        regions: of the picture.
        title, image: whether there is none at all.
    """

    part: Part | None = None
    triples: tuple[int, ...] = ()
    tokens: tuple[int, ...] = ()
    regions: tuple[int, ...] = ()
    title: bool = False
    image: bool = False


class Explainer:
    """Explains proposals of one predictor.

    Args:
        predictor: made them.
        batcher: of the snapshot that they are about.
        sees: which of `triples`, `title` and `image` the predictor's product vectors depend on;
            what it does not see is no part of an explanation.
        top: parts per proposal.
        temperature: as in completion.
        batch_size: products, each with another part absent, in one forward pass.
    """

    def __init__(
        self,
        predictor: LinkPredictor,
        batcher: Batcher,
        *,
        sees: Sequence[str] = KINDS,
        top: int = 5,
        temperature: Temperature = lambda name: 1.0,
        batch_size: int = 256,
    ) -> None:
        self._predictor, self._batcher = predictor, batcher
        self._sees = sees
        self._top, self._temperature, self._batch_size = top, temperature, batch_size
        self._vectors = PropertyVectors(predictor, batcher, 0)
        self._property = {name: n for n, name in enumerate(batcher.catalog.properties)}
        self._value = {text: n for n, text in enumerate(batcher.catalog.values)}

    def __call__(self, proposals: Iterable[Proposal]) -> Iterator[Proposal]:
        """The proposals in order, each with its explanation.

        Proposals about one product share their forward passes.
        """
        rest = iter(proposals)
        while block := list(islice(rest, _PROPOSALS_AT_ONCE)):
            with held_out_included(self._batcher), torch.no_grad():
                explained = self._explain(block)
            yield from explained

    def _explain(self, block: list[Proposal]) -> list[Proposal]:
        row_N = self._batcher.snapshot.row_of([item.product for item in block])
        name_N = np.array([self._property[item.property] for item in block])
        rows, owner_N = np.unique(row_N, return_inverse=True)
        known = Triples.of(self._batcher, rows)
        width = len(self._property)
        has_N = np.isin(row_N * width + name_N, known.rows * width + known.properties)
        asked_N2 = np.stack([owner_N, np.where(has_N, name_N, NO_PROPERTY)], 1)
        keys, key_N = np.unique(asked_N2, axis=0, return_inverse=True)
        regions = self._regions(rows)
        absences = [
            self._absences(rows[owner], int(asked), known, regions, owner)
            for owner, asked in keys.tolist()
        ]
        counts = [len(part) for part in absences]
        row_P = np.repeat(rows[keys[:, 0]], counts)
        asked_P = np.repeat(keys[:, 1], counts)
        head_PH = self._heads(row_P, asked_P, [item for part in absences for item in part])
        ends = np.cumsum(counts)
        explained = []
        for item, name, key in zip(block, name_N, key_N.reshape(-1).tolist(), strict=True):
            heads = head_PH[ends[key] - counts[key] : ends[key]]
            found = self._explained(item, int(name), absences[key], heads)
            explained.append(replace(item, explanation=found))
        return explained

    def _regions(self, rows: np.ndarray) -> Regions | None:
        """Where the regions of each product's picture are; None for a model without regions."""
        describe = getattr(self._predictor, "describe", None)
        if describe is None:
            return None
        batch = self._batcher.batch(rows).to(device_of(self._predictor))
        describe(batch)
        return batch.regions

    def _absences(
        self, row: int, asked: int, known: Triples, regions: Regions | None, owner: int
    ) -> list[_Absence]:
        """Nothing absent, then each kind as a whole, then every part."""
        catalog = self._batcher.catalog
        mine = known[known.rows == row]
        shown = [n for n, name in enumerate(mine.properties.tolist()) if name != asked]
        parts = [
            _Absence(
                Part(
                    "triple",
                    f"{catalog.properties[mine.properties[n]]}: {catalog.values[mine.values[n]]}",
                    0.0,
                ),
                triples=(n,),
            )
            for n in shown
            if "triples" in self._sees
        ]
        words = self._words(row) if "title" in self._sees else []
        parts += [_Absence(Part("title", text, 0.0), tokens=places) for text, places in words]
        if regions is not None:
            for number in regions.present_BR[owner].nonzero()[:, 0].tolist():
                left, top, right, bottom = regions.boxes_BR5[owner, number, :4].tolist()
                text = _place(left, top, right, bottom)
                part = Part("image", text, 0.0, (left, top, right, bottom))
                parts.append(_Absence(part, regions=(number,)))
        whole = [
            _Absence(triples=tuple(shown)),
            _Absence(title=True),
            _Absence(image=True),
        ]
        return [_Absence(), *whole, *parts]

    def _words(self, row: int) -> list[tuple[str, tuple[int, ...]]]:
        """The words of a title with the places of their tokens; words cut off are left out."""
        title = self._batcher.snapshot.titles[row].as_py()
        if not title:
            return []
        (_, spans), *_ = self._batcher.title_tokens(np.array([row]))
        words = [
            (
                title[start:end],
                tuple(n for n, (first, last) in enumerate(spans) if first < end and last > start),
            )
            for start, end in word_spans(title)
        ]
        return [(text, places) for text, places in words if places]

    def _heads(self, row_P: np.ndarray, asked_P: np.ndarray, absent: Sequence[_Absence]) -> Tensor:
        training = self._predictor.training
        self._predictor.eval()
        try:
            return torch.cat(
                [
                    self._some_heads(row_P[part], asked_P[part], absent[part])
                    for start in range(0, len(row_P), self._batch_size)
                    for part in [slice(start, start + self._batch_size)]
                ]
            )
        finally:
            self._predictor.train(training)

    def _some_heads(
        self, row_B: np.ndarray, asked_B: np.ndarray, absent: Sequence[_Absence]
    ) -> Tensor:
        questions = Triples(row_B, asked_B, np.full(len(row_B), WHOLE_PROPERTY))
        batch = ask(self._batcher, questions, SEE_ALL)
        first_B = torch.searchsorted(batch.triple_product_E, torch.arange(batch.size))
        for number, item in enumerate(absent):
            batch.triple_visible_E[first_B[number] + torch.tensor(item.triples).long()] = False
            batch.title_present_BT[number, list(item.tokens)] = False
            if item.title:
                batch.title_present_BT[number] = False
            if item.image:
                batch.image_present_B[number] = False
        batch = batch.to(device_of(self._predictor))
        _hide_regions(self._predictor, batch, absent)
        return self._predictor.heads(batch).float()

    def _explained(
        self,
        item: Proposal,
        name: int,
        absent: list[_Absence],
        head_PH: Tensor,
    ) -> Explanation:
        relation_H, tail_CH = self._vectors(name)
        scores_PC = self._predictor.scorer.score_tails(
            head_PH, relation_H.expand(len(head_PH), -1), tail_CH
        )
        candidates = self._batcher.catalog.candidates[name]
        place = int(np.searchsorted(candidates, self._value[item.value]))
        left_P = (scores_PC / self._temperature(item.property)).softmax(1)[:, place].tolist()
        parts = [
            replace(one.part, drop=left_P[0] - left)
            for one, left in zip(absent, left_P, strict=True)
            if one.part is not None and left < left_P[0]
        ]
        snapshot = self._batcher.snapshot
        row = int(snapshot.row_of([item.product])[0])
        titled, pictured = bool(snapshot.titles[row].as_py()), self._batcher.images.row_N[row] >= 0
        there = (bool(absent[1].triples), titled, pictured)
        without = {
            kind: left
            for kind, left, present in zip(KINDS, left_P[1:], there, strict=False)
            if present and kind in self._sees
        }
        parts.sort(key=lambda part: -part.drop)
        return Explanation(tuple(parts[: self._top]), without)


def _hide_regions(
    predictor: LinkPredictor, batch: ProductBatch, absent: Sequence[_Absence]
) -> None:
    describe = getattr(predictor, "describe", None)
    if describe is None or not any(item.regions for item in absent):
        return
    describe(batch)
    assert batch.regions is not None
    hidden_BR = torch.zeros_like(batch.regions.present_BR)
    for number, item in enumerate(absent):
        hidden_BR[number, list(item.regions)] = True
    batch.regions.present_BR = batch.regions.present_BR & ~hidden_BR
    batch.region_masked_BR = hidden_BR  # what the encoder's own attention would still see of it


def _place(left: float, top: float, right: float, bottom: float) -> str:
    return f"{left:.0%} to {right:.0%} from the left, {top:.0%} to {bottom:.0%} from the top"
