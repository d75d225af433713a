"""Quantities as numbers: how near the predicted one is, beside the median of the kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included, questions_of
from k3m_kg.contracts import Catalog, LinkPredictor
from k3m_kg.lpm.questions import PropertyVectors, Triples, Visibility, asked_of, property_ids
from k3m_kg.lpm.ranking import SCORES_AT_ONCE, checked_scores
from k3m_kg.progress import Advance
from k3m_kg.quantities.prediction import INTERVAL, PredictedNumbers, predicted_numbers, within
from k3m_kg.quantities.scales import TOLERANCE, Scale, scale_of
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.partial import Partial

LEAST_OF_A_KIND = 5
"""With fewer numbers in training, a category has the median of all."""


def scales_of(catalog: Catalog, names: Sequence[int]) -> dict[int, Scale]:
    """The scales of those properties, by id, that are quantities in training."""
    found = {}
    for name in names:
        values = [catalog.values[value] for value in catalog.candidates[name].tolist()]
        scale = scale_of(values, catalog.counts[name], catalog.properties[name])
        if scale is not None:
            found[name] = scale
    return found


def evaluate_quantities(
    predictor: LinkPredictor,
    batcher: Batcher,
    split: str,
    *,
    properties: Sequence[str] = (),
    hide: Sequence[str] = (),
    cut_title: bool = True,
    batch_size: int = 256,
    without: Sequence[str] = (),
    progress: Advance | None = None,
) -> dict[str, Any] | None:
    """Predict the number of each question about a quantity, and say how often it is near enough.

    The questions are those of link prediction about products with one value of the property that
    can be read as a number, seen in training or not. The prediction is the median of the numbers
    that training has, weighted by the softmax of their scores.

    Returns:
        `tolerance`, `interval`: shares; `within` and `median_within`: means over properties;
        `per_property`: `unit`, `questions`, `within` and `median_within`: shares of questions whose
        predicted number, or the median of the product's category in train, is within the tolerance;
        `covered`: the share of true numbers in the interval; `unread` training triples; `unclear`
        values, at most 5. None where no property is a quantity.
    """
    questions, truth, never = questions_of(batcher, split, properties)
    catalog = batcher.catalog
    scales = scales_of(catalog, np.unique(questions.properties).tolist())
    numbers = {
        name: _numbers(scale, catalog, name, questions, truth) for name, scale in scales.items()
    }
    asked = {name: mine for name, (mine, _) in numbers.items() if len(mine)}
    if not asked:
        return None
    visibility = Visibility(property_ids(catalog, hide, "--hide"), never, cut_title)
    source = Partial.hiding(batcher, without, "--hide-modality")
    first = next(iter(asked.values()))
    vectors = PropertyVectors(predictor, source, int(first.rows[0]))
    per_property = {}
    for name, mine in asked.items():
        scale, true_Q = scales[name], numbers[name][1]
        with held_out_included(batcher):
            found = _predicted(
                predictor, source, mine, visibility, vectors, scale, batch_size, progress
            )
        medians_Q = _medians(batcher.snapshot, catalog, name, scale, mine.rows)
        covered = (found.low_Q <= true_Q) & (true_Q <= found.high_Q)
        per_property[catalog.properties[name]] = {
            "unit": scale.unit.symbol if scale.unit else None,
            "questions": len(mine),
            "within": float(within(scale, found.middle_Q, true_Q).mean()),
            "median_within": float(within(scale, medians_Q, true_Q).mean()),
            "covered": float(covered.mean()),
            "unread": scale.unread,
            "unclear": list(scale.unclear[:5]),
        }
    means = {
        key: float(np.mean([row[key] for row in per_property.values()]))
        for key in ("within", "median_within", "covered")
    }
    return {
        "tolerance": TOLERANCE,
        "interval": INTERVAL[1] - INTERVAL[0],
        **means,
        "per_property": per_property,
    }


def _numbers(
    scale: Scale, catalog: Catalog, name: int, questions: Triples, truth: Triples
) -> tuple[Triples, np.ndarray]:
    """The questions about products with one value of the property, a number; and that number."""
    about = np.array([name])
    mine, true = questions.about(about), truth.about(about)
    rows, counts = np.unique(true.rows, return_counts=True)
    mine = mine[np.isin(mine.rows, rows[counts == 1])]
    values = [catalog.values[value] for value in mine.values.tolist()]
    number_Q = scale.read(values)
    there = np.isfinite(number_Q)
    return mine[there], number_Q[there]


def _predicted(
    predictor: LinkPredictor,
    source: Batcher | Partial,
    questions: Triples,
    visibility: Visibility,
    vectors: PropertyVectors,
    scale: Scale,
    batch_size: int,
    progress: Advance | None,
) -> PredictedNumbers:
    candidates = vectors(int(questions.properties[0]))
    parts = []
    height = max(1, min(batch_size, SCORES_AT_ONCE // max(1, len(candidates))))
    for heads in asked_of(
        predictor, source, questions, visibility, batch_size=height, progress=progress
    ):
        with torch.no_grad():
            scores_NC = checked_scores(predictor.score(heads, candidates))
        parts.append(predicted_numbers(scale, scores_NC.softmax(1).cpu().numpy()))
    return PredictedNumbers(
        np.concatenate([part.middle_Q for part in parts]),
        np.concatenate([part.low_Q for part in parts]),
        np.concatenate([part.high_Q for part in parts]),
    )


def _medians(
    snapshot: Snapshot, catalog: Catalog, name: int, scale: Scale, rows_Q: np.ndarray
) -> np.ndarray:
    """(Q,) the median number of the train products of each product's category, or of all."""
    there = np.isfinite(scale.numbers_V)
    overall = float(np.median(np.repeat(scale.numbers_V[there], catalog.counts[name][there])))
    own = {label: place for place, label in enumerate(snapshot.properties)}
    place = own.get(catalog.properties[name])
    kind_N = np.array([text or "" for text in snapshot.categories.to_pylist()], object)
    mine = np.zeros(0, np.int64)
    if place is not None:
        known = (snapshot.triple_property == place) & (snapshot.triple_holdout == 0)
        mine = np.flatnonzero(known & (snapshot.split[snapshot.triple_product] == 0))
    number_M = scale.read([snapshot.value_text(v) for v in snapshot.triple_value[mine].tolist()])
    kind_M = kind_N[snapshot.triple_product[mine]]
    median: dict[str, float] = {}
    for kind in {kind for kind in kind_N[rows_Q].tolist() if kind}:
        numbers = number_M[(kind_M == kind) & np.isfinite(number_M)]
        if len(numbers) >= LEAST_OF_A_KIND:
            median[kind] = float(np.median(numbers))
    return np.array([median.get(kind, overall) for kind in kind_N[rows_Q].tolist()], np.float64)
