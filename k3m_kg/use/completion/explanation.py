"""What carried a proposal: its probability again, with each part of the product absent in turn.

Occlusion (Zeiler and Fergus, 2014) through the presence masks that the model was trained with: an
absent triple, word or region is one that the product does not have, not a blank one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.contracts import TRIPLES, Heads, LinkPredictor, ModalityTokens
from k3m_kg.engine.precision import computing
from k3m_kg.lpm.questions import (
    NO_PROPERTY,
    WHOLE_PROPERTY,
    PropertyVectors,
    Triples,
    ask,
    device_of,
)
from k3m_kg.use.completion.proposals import Explanation, Part, Proposal
from k3m_kg.use.completion.proposing import SEE_ALL, Temperature

_PROPOSALS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Absence:
    """What one row of a batch lacks.

    Attributes:
        part: as it is reported; None where a whole kind or nothing is absent.
        kind: the modality, or `triples`, that is absent as a whole.
        triples: places among the product's triples.
        tokens: by modality, places among its tokens.
    """

    part: Part | None = None
    kind: str | None = None
    triples: tuple[int, ...] = ()
    tokens: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Explainer:
    """Explains proposals of one predictor.

    Args:
        predictor: made them.
        batcher: of the snapshot that they are about.
        sees: on which parts of a product the predictor's vectors depend, modalities and `triples`;
            all where None. What it does not see is no part of an explanation.
        top: parts per proposal.
        temperature: as in completion.
        batch_size: products, each with another part absent, in one forward pass.
    """

    def __init__(
        self,
        predictor: LinkPredictor,
        batcher: Batcher,
        *,
        sees: Collection[str] | None = None,
        top: int = 5,
        temperature: Temperature = lambda name: 1.0,
        batch_size: int = 256,
    ) -> None:
        self._predictor, self._batcher = predictor, batcher
        every = (TRIPLES, *batcher.modalities)
        self._kinds = [kind for kind in every if sees is None or kind in sees]
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
        shown = self._described(rows)
        absences = [
            self._absences(rows[owner], int(asked), known, shown, owner)
            for owner, asked in keys.tolist()
        ]
        counts = [len(part) for part in absences]
        row_P = np.repeat(rows[keys[:, 0]], counts)
        asked_P = np.repeat(keys[:, 1], counts)
        heads = self._heads(row_P, asked_P, [item for part in absences for item in part])
        ends = np.cumsum(counts)
        explained = []
        for item, name, key in zip(block, name_N, key_N.reshape(-1).tolist(), strict=True):
            mine = heads[slice(int(ends[key] - counts[key]), int(ends[key]))]
            found = self._explained(item, int(name), absences[key], mine)
            explained.append(replace(item, explanation=found))
        return explained

    def _described(self, rows: np.ndarray) -> dict[str, ModalityTokens]:
        """Which tokens the products have, by modality."""
        return self._batcher.batch(rows).modalities

    def _absences(
        self,
        row: int,
        asked: int,
        known: Triples,
        shown: dict[str, ModalityTokens],
        owner: int,
    ) -> list[_Absence]:
        """Nothing absent, then each kind as a whole, then every part."""
        catalog = self._batcher.catalog
        mine = known[known.rows == row]
        seen = [n for n, name in enumerate(mine.properties.tolist()) if name != asked]
        whole, parts = [], []
        for kind in self._kinds:
            if kind == TRIPLES:
                whole.append(_Absence(kind=kind, triples=tuple(seen)))
                for n in seen:
                    name, value = mine.properties[n], mine.values[n]
                    text = f"{catalog.properties[name]}: {catalog.values[value]}"
                    parts.append(_Absence(Part("triple", text, 0.0), triples=(n,)))
            else:
                whole.append(_Absence(kind=kind))
                for part, places in self._parts(kind, row, shown[kind], owner):
                    parts.append(_Absence(part, tokens={kind: places}))
        return [_Absence(), *whole, *parts]

    def _parts(
        self, kind: str, row: int, shown: ModalityTokens, owner: int
    ) -> Iterator[tuple[Part, tuple[int, ...]]]:
        """What a person would call the parts of one modality, and the tokens of each."""
        named = self._batcher.modalities[kind].named(row)
        if named is not None:
            for name, places in named:
                yield Part(kind, name, 0.0), places
            return
        for number in shown.tokens_BN[owner].nonzero()[:, 0].tolist():
            if shown.boxes_BN5 is None:
                yield Part(kind, f"number {number + 1}", 0.0), (number,)
                continue
            left, top, right, bottom = shown.boxes_BN5[owner, number, :4].tolist()
            where = _place(left, top, right, bottom)
            yield Part(kind, where, 0.0, (left, top, right, bottom)), (number,)

    def _has(self, kind: str, row: np.ndarray) -> bool:
        return kind != TRIPLES and bool(self._batcher.modalities[kind].has(row)[0])

    def _heads(self, row_P: np.ndarray, asked_P: np.ndarray, absent: Sequence[_Absence]) -> Heads:
        training = self._predictor.training
        self._predictor.eval()
        try:
            return Heads.join(
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
    ) -> Heads:
        questions = Triples(row_B, asked_B, np.full(len(row_B), WHOLE_PROPERTY))
        batch = ask(self._batcher, questions, SEE_ALL)
        first_B = torch.searchsorted(batch.triple_product_E, torch.arange(batch.size))
        for number, item in enumerate(absent):
            batch.triple_visible_E[first_B[number] + torch.tensor(item.triples).long()] = False
            if item.kind in batch.modalities:
                batch.modalities[item.kind].present_B[number] = False
        batch = batch.to(device_of(self._predictor))
        for name, tokens in batch.modalities.items():
            if not any(name in item.tokens for item in absent):
                continue
            hidden_BN = torch.zeros_like(tokens.tokens_BN)
            for number, item in enumerate(absent):
                hidden_BN[number, list(item.tokens.get(name, ()))] = True
            tokens.hide_tokens(hidden_BN)
        with computing(self._predictor.precision, batch.device):
            asked = self._predictor.asked(batch)
        return replace(asked, vectors_NH=asked.vectors_NH.float())

    def _explained(
        self,
        item: Proposal,
        name: int,
        absent: list[_Absence],
        heads: Heads,
    ) -> Explanation:
        scores_PC = self._predictor.score(heads, self._vectors(name))
        candidates = self._batcher.catalog.candidates[name]
        place = int(np.searchsorted(candidates, self._value[item.value]))
        share_P = (scores_PC / self._temperature(item.property)).softmax(1)[:, place]
        left_P = (share_P * item.applies).tolist()
        parts = [
            replace(one.part, drop=left_P[0] - left)
            for one, left in zip(absent, left_P, strict=True)
            if one.part is not None and left < left_P[0]
        ]
        row = self._batcher.snapshot.row_of([item.product])
        without = {
            one.kind: left
            for one, left in zip(absent, left_P, strict=True)
            if one.kind is not None and (bool(one.triples) or self._has(one.kind, row))
        }
        parts.sort(key=lambda part: -part.drop)
        return Explanation(tuple(parts[: self._top]), without)


def _place(left: float, top: float, right: float, bottom: float) -> str:
    return f"{left:.0%} to {right:.0%} from the left, {top:.0%} to {bottom:.0%} from the top"
