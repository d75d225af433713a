"""How far models fall from the whole catalog to a corrupted one, and which of two falls less.

A fall is paired: the same items asked of whole and of corrupted products, so its interval is
narrower than those of the two levels. Two falls are compared as two levels are, by the same
products drawn for both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from k3m_kg.contracts import Outcomes, Scores
from k3m_kg.errors import K3MError
from k3m_kg.evaluation.intervals import difference, interval_of
from k3m_kg.robustness.cells import GridCell, averaged
from k3m_kg.robustness.settings import SIMPLE
from k3m_kg.training.presets import PRESETS

DRAWS = 400
"""Of an interval; a comparison has as many as `difference` takes."""
FEWEST_UNITS = 6
"""With fewer products a comparison says nothing: level."""
Trainings = dict[int, GridCell]
"""The cells of a model in one state of the catalog, by seed."""


@dataclass(frozen=True, slots=True)
class Fall:
    """How far a model falls from the whole catalog.

    Attributes:
        value: the mean over trainings of the measure in the whole catalog, less that in the
            corrupted one: positive where it falls.
        low, high: a 95 % interval of it, over products; NaN where the task says nothing of items.
        outcomes: what it is made of.
        whole, harmed: of the trainings that it is the mean over, by seed.
    """

    value: float
    low: float
    high: float
    outcomes: Outcomes | None
    whole: Trainings
    harmed: Trainings


@dataclass(frozen=True, slots=True)
class FallDifference:
    """Two models' falls, in one corruption at the largest share of products.

    Attributes:
        task, measure, corruption, ratio: which.
        model, against: whose.
        variant: both are one model, with other ideas in it.
        without_knowledge: `against` shows its products no triples, unlike `model`.
        best: `against` is the best of those that the first model is compared with, in this state.
        fall, fall_against: theirs, shares, over the trainings that both have.
        difference: the fall of `model` less that of `against`: negative where `model` falls less.
        low, high, p: its 95 % interval over products, and how likely it would be of equals; None
            where they were not asked the same.
        outcome: `less`, `level` or `more`; None likewise.
    """

    task: str
    measure: str
    corruption: str
    ratio: float
    model: str
    against: str
    variant: bool
    without_knowledge: bool
    best: bool
    fall: float
    fall_against: float
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class _Fallen(Outcomes):
    """The same items asked of whole and of corrupted products; the figure is the fall."""

    whole: Outcomes
    harmed: Outcomes

    def figures(self, times_DQ: np.ndarray) -> np.ndarray:
        """(D,)"""
        found: np.ndarray = self.whole.figures(times_DQ) - self.harmed.figures(times_DQ)
        return found


def fall_of(whole: Trainings, harmed: Trainings) -> Fall | None:
    """The fall of a model, over the trainings that were asked both; None without any."""
    seeds = [seed for seed in whole if seed in harmed]
    if not seeds:
        return None
    whole, harmed = ({seed: cells[seed] for seed in seeds} for cells in (whole, harmed))
    befores, afters = list(whole.values()), list(harmed.values())
    value = float(np.mean([cell.figure for cell in befores]))
    value -= float(np.mean([cell.figure for cell in afters]))
    outcomes = _fallen(averaged(befores), averaged(afters))
    low = high = math.nan
    if outcomes is not None:
        low, high = interval_of(outcomes, draws=DRAWS)
    return Fall(value, low, high, outcomes, whole, harmed)


def of_both(
    model: str, cells: Trainings, against: str, others: Trainings
) -> tuple[Trainings, Trainings]:
    """Two models' cells of the trainings that both have; simple ones stand beside every training.

    While a grid is not done one model may have been trained more often than another.
    """
    if model in SIMPLE or against in SIMPLE:
        return cells, others
    seeds = [seed for seed in cells if seed in others]
    return {seed: cells[seed] for seed in seeds}, {seed: others[seed] for seed in seeds}


def _falls_of_both(
    model: str, fall: Fall, against: str, other: Fall
) -> tuple[Fall | None, Fall | None]:
    if fall.whole.keys() == other.whole.keys():
        return fall, other
    wholes = of_both(model, fall.whole, against, other.whole)
    return fall_of(wholes[0], fall.harmed), fall_of(wholes[1], other.harmed)


def compared_falls(
    falls: dict[str, Fall],
    champion: str,
    rivals: Sequence[str],
    best: str | None,
    *,
    task: str,
    measure: str,
    corruption: str,
    ratio: float,
) -> Iterator[FallDifference]:
    """The first model's fall beside every other's, and any model's beside that of its variants.

    Args:
        falls: by model.
        champion: the first model.
        rivals: those that are no variant of it.
        best: of them.
        task, measure, corruption, ratio: as in `FallDifference`.
    """
    pairs = [(champion, other) for other in falls if other != champion and champion in falls]
    pairs += [
        (model, other)
        for model in falls
        for other in falls
        if other.startswith(f"{model}-") and champion not in (model, other)
    ]
    for model, other in pairs:
        one, two = _falls_of_both(model, falls[model], other, falls[other])
        if one is None or two is None:
            continue
        found = FallDifference(
            task=task,
            measure=measure,
            corruption=corruption,
            ratio=ratio,
            model=model,
            against=other,
            variant=model != champion or other not in rivals,
            without_knowledge=_sees_triples(model) and not _sees_triples(other),
            best=model == champion and other == best,
            fall=one.value,
            fall_against=two.value,
            difference=one.value - two.value,
        )
        yield _with_interval(found, one.outcomes, two.outcomes)


def _with_interval(
    found: FallDifference, one: Outcomes | None, other: Outcomes | None
) -> FallDifference:
    if one is None or other is None:
        return found
    try:
        drawn = difference(one, other)
    except K3MError:  # a task may ask one model something else
        return found
    outcome = "less" if drawn.high < 0 else "more" if drawn.low > 0 else "level"
    if drawn.units < FEWEST_UNITS:
        outcome = "level"
    return replace(found, low=drawn.low, high=drawn.high, p=drawn.p, outcome=outcome)


def _sees_triples(model: str) -> bool:
    """Whether a model makes a product's vector of its triples, too; simple models read them."""
    preset = PRESETS.get(model)
    return preset is None or preset.sees_triples


def _fallen(whole: Outcomes | None, harmed: Outcomes | None) -> Outcomes | None:
    """What a fall is made of; None where whole and corrupted products were not asked the same."""
    if whole is None or harmed is None or not np.array_equal(whole.items, harmed.items):
        return None
    if (
        isinstance(whole, Scores)
        and isinstance(harmed, Scores)
        and np.array_equal(whole.groups, harmed.groups)
    ):  # a mean of differences is the difference of means, and half the work
        return replace(whole, score_Q=whole.score_Q - harmed.score_Q)
    return _Fallen(whole.items, whole.units, whole, harmed)
