"""Missing values of products, proposed with scores and probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.contracts import Heads, LinkPredictor
from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.lpm.questions import PropertyVectors, Triples, Visibility, asked_of
from k3m_kg.lpm.ranking import SCORES_AT_ONCE, checked_scores
from k3m_kg.progress import Advance
from k3m_kg.snapshot import CATEGORY, Snapshot
from k3m_kg.use.completion.completable import left_out
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.completion.ruled_out import NOTHING_RULED_OUT, RuledOut

Temperature = Callable[[str], float]
"""From a property's name to the number that its scores are divided by."""

WhatApplies = Callable[[np.ndarray, Sequence[str]], np.ndarray]
"""From N rows and P properties' names to how probably each applies to each, (N, P)."""

_TRIPLES_AT_ONCE = 1 << 20
SEE_ALL = Visibility(cut_title=False)
"""Completion sees all that is known, the whole title too."""


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """What is proposed.

    Attributes:
        properties: the properties to fill in; where empty, all that can be completed (see
            `k3m_kg.use.completion.completable`) and that at least `min_share` of the snapshot's
            products have.
        min_share: a share of products, 0 to 1.
        every_property: fill in also what cannot be completed.
        open_values: properties that are filled in all the same, as texts are read for them.
        top_k: values per product and property.
        known_too: also ask properties that a product has, hiding all of that property's triples.
        applies: ask a property only of products that it applies to with at least this probability.
        ruled_out: what people rejected is as if it were no value: others share its probability.
    """

    properties: Sequence[str] = ()
    min_share: float = 0.0
    every_property: bool = False
    top_k: int = 5
    known_too: bool = False
    applies: float = 0.5
    open_values: Container[str] = ()
    ruled_out: RuledOut = NOTHING_RULED_OUT


def everything_applies(rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Every property, to every product."""
    return np.ones((len(rows), len(names)))


def property_share(snapshot: Snapshot) -> dict[str, float]:
    """The share of products that have each property, by name."""
    counts = np.zeros(len(snapshot.properties), np.int64)
    offsets, width = snapshot.triple_offsets, max(1, len(snapshot.properties))
    start = 0
    while start < len(snapshot):
        stop = int(np.searchsorted(offsets, offsets[start] + _TRIPLES_AT_ONCE, "right")) - 1
        stop = min(max(stop, start + 1), len(snapshot))
        part = slice(int(offsets[start]), int(offsets[stop]))
        product = np.repeat(np.arange(stop - start), np.diff(offsets[start : stop + 1]))
        pairs = np.unique(product * width + snapshot.triple_property[part])
        counts += np.bincount(pairs % width, minlength=len(counts))[: len(counts)]
        start = stop
    return dict(zip(snapshot.properties, (counts / max(1, len(snapshot))).tolist(), strict=True))


def fillable(batcher: Batcher, settings: CompletionSettings) -> np.ndarray:
    """The property ids that will be filled in, ascending.

    The products' category is one where it is asked for by name: `k3m-kg classify` fills it in.

    Raises:
        UsageError: a named property took no value in training; names the nearest that did.
    """
    catalog = batcher.catalog
    trained = {
        name: index
        for index, name in enumerate(catalog.properties)
        if len(catalog.candidates[index])
    }
    for name in settings.properties:
        if name not in trained:
            raise UsageError(
                unknown_name("property", name, trained),
                where="--property",
                hint="only values that a property took in training can be proposed",
            )
    share = property_share(batcher.snapshot)
    poor = {} if settings.every_property else left_out(catalog)
    names = settings.properties or [
        name
        for name, index in trained.items()
        if share.get(name, 0.0) >= settings.min_share
        and (index not in poor or name in settings.open_values)
        and not (name == CATEGORY and batcher.snapshot.has_categories)
    ]
    return np.array(sorted(trained[name] for name in set(names)), np.int64)


def complete(
    predictor: LinkPredictor,
    batcher: Batcher,
    rows: np.ndarray,
    settings: CompletionSettings,
    *,
    applies: WhatApplies = everything_applies,
    temperature: Temperature = lambda name: 1.0,
    batch_size: int = 256,
    vectors: PropertyVectors | None = None,
    progress: Advance | None = None,
    not_asked: Advance | None = None,
) -> Iterator[Proposal]:
    """Propose values: product after product in the order of `rows`, the best value first.

    A property is asked where the product has no triple of it and it may apply. `applies` says how
    probably (`k3m_kg.presence.applies.Applies`). `temperature` divides a property's scores
    (`Calibration.temperature`). `vectors` are kept from call to call by who asks often. `progress`
    counts products, `not_asked` the empty cells of properties that apply less probably than asked.

    Raises:
        UsageError: an unknown property.
        K3MError: the predictor gave NaN scores.
    """
    asked = fillable(batcher, settings)
    if not len(rows) or not len(asked):
        return
    vectors = vectors or PropertyVectors(predictor, batcher, int(rows[0]))
    asking = _Asking(predictor, batcher, settings, applies, temperature, batch_size, vectors)
    with held_out_included(batcher):  # what is held out in training is known all the same
        for start in range(0, len(rows), batch_size):
            block = rows[start : start + batch_size]
            for proposals in asking.about(block, asked):
                yield from proposals
            if not_asked:
                not_asked(asking.passed_over)
            if progress:
                progress(len(block))


class _Asking:
    """A predictor at work on a snapshot's products."""

    def __init__(
        self,
        predictor: LinkPredictor,
        batcher: Batcher,
        settings: CompletionSettings,
        applies: WhatApplies,
        temperature: Temperature,
        batch_size: int,
        vectors: PropertyVectors,
    ) -> None:
        self._predictor, self._batcher = predictor, batcher
        self._settings, self._applies, self._temperature = settings, applies, temperature
        self._batch_size, self._vectors = batch_size, vectors
        self.passed_over = 0

    def about(self, block: np.ndarray, asked: np.ndarray) -> list[list[Proposal]]:
        """The proposals for each of some products, property after property."""
        found: list[list[Proposal]] = [[] for _ in block]
        has_BP = _has(self._batcher, block, asked)
        names = [self._batcher.catalog.properties[name] for name in asked.tolist()]
        applies_BP = self._applies(block, names)
        may_BP = applies_BP >= self._settings.applies
        missing_BP, known_BP = may_BP & ~has_BP, may_BP & has_BP
        self.passed_over = int((~may_BP & ~has_BP).sum())
        lacks = np.flatnonzero(missing_BP.any(1))
        place_B = np.cumsum(missing_BP.any(1)) - 1
        heads = self._heads(Triples.each(block[lacks])) if len(lacks) else None
        for column, name in enumerate(asked.tolist()):
            applies_B = applies_BP[:, column]
            places = np.flatnonzero(missing_BP[:, column])
            if heads is not None and len(places):
                mine = heads[torch.from_numpy(place_B[places]).to(heads.vectors_NH.device)]
                self._propose(name, block, places, mine, applies_B[places], found)
            places = np.flatnonzero(known_BP[:, column])
            if len(places) and self._settings.known_too:
                mine = self._heads(Triples.each(block[places], name))
                self._propose(name, block, places, mine, applies_B[places], found)
        return found

    def _heads(self, questions: Triples) -> Heads:
        asked = asked_of(
            self._predictor, self._batcher, questions, SEE_ALL, batch_size=self._batch_size
        )
        return Heads.join(list(asked))

    @torch.no_grad()
    def _propose(
        self,
        name: int,
        block: np.ndarray,
        places: np.ndarray,
        heads: Heads,
        applies_Q: np.ndarray,
        found: list[list[Proposal]],
    ) -> None:
        """Add the best values of one property to the products at `places` of the block."""
        catalog, ids = self._batcher.catalog, self._batcher.snapshot.ids
        candidates = catalog.candidates[name]
        temperature = self._temperature(catalog.properties[name])
        height = max(1, SCORES_AT_ONCE // len(candidates))
        for start in range(0, len(places), height):
            some = heads[start : start + height]
            scores_NC = checked_scores(self._predictor.score(some, self._vectors(name)))
            scores_NC = self._without_ruled_out(
                name, scores_NC, block[places[start : start + height]]
            )
            top = scores_NC.topk(min(self._settings.top_k, len(candidates)), dim=1)
            share_NK = (scores_NC / temperature).softmax(1).nan_to_num(0.0).gather(1, top.indices)
            rows = zip(
                places[start : start + height].tolist(),
                top.indices.tolist(),
                top.values.tolist(),
                share_NK.tolist(),
                applies_Q[start : start + height].tolist(),
                strict=True,
            )
            for place, indices, scores, shares, applies in rows:
                found[place] += [
                    Proposal(
                        ids[int(block[place])],
                        catalog.properties[name],
                        catalog.values[int(candidates[index])],
                        score,
                        share * applies,
                        applies,
                    )
                    for index, score, share in zip(indices, scores, shares, strict=True)
                    if score > -math.inf
                ]

    def _without_ruled_out(
        self, name: int, scores_NC: torch.Tensor, rows_N: np.ndarray
    ) -> torch.Tensor:
        """The scores, minus infinity of what people rejected."""
        rejected = self._settings.ruled_out.rejected
        if not rejected:
            return scores_NC
        catalog, ids = self._batcher.catalog, self._batcher.snapshot.ids
        label = catalog.properties[name]
        known: dict[str, int] = {}
        places: list[tuple[int, int]] = []
        for place, row in enumerate(rows_N.tolist()):
            values = rejected.get((ids[row], label))
            if values and not known:
                candidates = catalog.candidates[name].tolist()
                known = {catalog.values[value]: n for n, value in enumerate(candidates)}
            places += [(place, known[value]) for value in values or () if value in known]
        if not places:
            return scores_NC
        row_X, column_X = torch.tensor(places, device=scores_NC.device).unbind(1)
        minus = torch.full((), -math.inf, dtype=scores_NC.dtype, device=scores_NC.device)
        return scores_NC.index_put((row_X, column_X), minus)


def _has(batcher: Batcher, rows: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(rows, asked) bool: which properties each product is known to have."""
    snapshot = batcher.snapshot
    names = batcher.catalog.properties
    place = {names[name]: column for column, name in enumerate(asked.tolist())}
    column_of = np.array([place.get(name, -1) for name in snapshot.properties], np.int64)
    has_BP = np.zeros((len(rows), len(asked)), bool)
    for number, row in enumerate(rows.tolist()):
        part = slice(int(snapshot.triple_offsets[row]), int(snapshot.triple_offsets[row + 1]))
        columns = column_of[np.asarray(snapshot.triple_property[part])]
        has_BP[number, columns[columns >= 0]] = True
    return has_BP
