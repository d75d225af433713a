"""What a grid found: every cell's mean over trainings, its interval, and who is ahead.

Intervals are of the mean over trainings, by a bootstrap over products; the spread of trainings
stands beside it. The first model is compared with the best of the others by a paired bootstrap: the
same products are drawn for both. So are falls from the whole catalog (`falls`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from k3m_kg.corruption import CORRUPTIONS, Corruption
from k3m_kg.corruption.drawing import Draws, some_of
from k3m_kg.errors import K3MError
from k3m_kg.evaluation.intervals import difference, interval_of
from k3m_kg.robustness.cells import GridCell, averaged, mixed, read_cell
from k3m_kg.robustness.falls import (
    DRAWS,
    FEWEST_UNITS,
    Fall,
    FallDifference,
    Trainings,
    compared_falls,
    fall_of,
    of_both,
)
from k3m_kg.robustness.settings import CLEAN, SIMPLE, GridSettings
from k3m_kg.robustness.units import SPLIT, GridJob, units_of
from k3m_kg.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class GridRow:
    """A model in one state of the catalog.

    Attributes:
        task, measure, corruption, ratio, model: which.
        seeds: trainings that were asked.
        mean: of the measure over these.
        low, high: a 95 % interval of it, over products; NaN where the task says nothing of items.
        spread: standard deviation over trainings; NaN of one.
        questions: that were asked, each of which one item of the measure is; None where the task
            says nothing of items.
        fall, fall_low, fall_high: how far the mean lies below that in the whole catalog, and its
            paired 95 % interval; None of the whole catalog itself.
        parameters: numbers that are learned; None of simple models.
        against: of the first model, the best of the others.
        difference, difference_low, difference_high, p: how far it is ahead of that, by the
            trainings that both have, and how likely that would be of equals.
        outcome: `ahead`, `level` or `lost`; None of other models, and where nobody can be compared.
        metrics: the mean over trainings of every number that the task reports; the measure alone
            where the share follows from none and all.
    """

    task: str
    measure: str
    corruption: str
    ratio: float
    model: str
    seeds: int
    mean: float
    low: float
    high: float
    spread: float
    questions: int | None = None
    fall: float | None = None
    fall_low: float | None = None
    fall_high: float | None = None
    parameters: int | None = None
    against: str | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    outcome: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskAsked:
    """What a task asked of every model.

    Attributes:
        measure: that models are compared by.
        questions: how many; None where the task says nothing of items.
        majority: what the most frequent answers of training reach, whatever is corrupted; None
            where no model's report says.
    """

    measure: str
    questions: int | None
    majority: float | None


@dataclass(frozen=True, slots=True)
class Results:
    """All cells of a grid that are there.

    Attributes:
        settings: of the grid.
        snapshot: id.
        rows: by task, corruption, share, model.
        waiting: of each model, how many cells are to be asked yet.
        told: what of the catalog was corrupted, by corruption, with all products met.
        products: that were asked.
        falls: two models' falls beside each other, with the most products met.
        asked: of each task.
    """

    settings: GridSettings
    snapshot: str
    rows: list[GridRow]
    waiting: dict[str, int]
    told: dict[str, Any]
    products: int
    falls: list[FallDifference] = field(default_factory=list)
    asked: dict[str, TaskAsked] = field(default_factory=dict)

    def of(self, task: str, corruption: str) -> list[GridRow]:
        """The rows of one task and corruption; the whole catalog is its share 0."""
        return [
            row for row in self.rows if row.task == task and row.corruption in (CLEAN, corruption)
        ]

    @property
    def missing(self) -> int:
        """Cells that are to be asked yet."""
        return sum(self.waiting.values())

    @property
    def tasks(self) -> list[str]:
        """Those that something is known of."""
        return list(dict.fromkeys(row.task for row in self.rows))

    def corruptions(self, task: str) -> list[str]:
        """Those that something is known of, besides the whole catalog."""
        found = dict.fromkeys(row.corruption for row in self.rows if row.task == task)
        return [name for name in found if name != CLEAN]

    def verdicts(self) -> dict[str, int]:
        """How many cells the first model is ahead, level and lost in."""
        found = dict.fromkeys(("ahead", "level", "lost"), 0)
        for row in self.rows:
            if row.outcome is not None:
                found[row.outcome] += 1
        return found

    def as_json(self) -> dict[str, Any]:
        """For `results.json`."""
        return {
            "snapshot": self.snapshot,
            "settings": self.settings.model_dump(mode="json"),
            "products": self.products,
            "cells_missing": self.missing,
            "corrupted": self.told,
            "tasks": {task: asdict(asked) for task, asked in self.asked.items()},
            "verdicts": self.verdicts(),
            "falls": [_finite(asdict(fall)) for fall in self.falls],
            "rows": [_finite(asdict(row)) for row in self.rows],
        }


def results_of(
    job: GridJob, snapshot: Snapshot, progress: Callable[[int, int], None] | None = None
) -> Results:
    """Read all cells that are there.

    Raises:
        K3MError: a cell is damaged.
    """
    settings = job.settings
    rows_asked = snapshot.rows(SPLIT)
    if settings.products is not None and settings.products < len(rows_asked):
        rows_asked = some_of(snapshot, rows_asked, settings.products)
    met = _Met(snapshot, rows_asked, settings)
    rows: list[GridRow] = []
    falls: list[FallDifference] = []
    asked: dict[str, TaskAsked] = {}
    told: dict[str, Any] = {}
    done = 0
    total = len(settings.tasks) * len(settings.cells)
    for task in settings.tasks:
        cells = {model: _Model(job, task, model) for model in settings.models}
        whole: dict[str, Trainings] = {}
        for name, ratio in settings.cells:
            found: dict[str, Trainings] = {}
            for model, kept in cells.items():
                some = {seed: kept.cell(seed, name, ratio, met) for seed in kept.seeds}
                there = {seed: cell for seed, cell in some.items() if cell is not None}
                if there:
                    found[model] = there
                    if name != CLEAN and ratio == 1:
                        first = next(iter(there.values()))
                        told.setdefault(name, first.told.get("corruption"))
            if name == CLEAN:
                whole = found
            if found and task not in asked:
                asked[task] = _asked(found)
            state = _State(settings, task, name, ratio, found, whole)
            rows += state.rows()
            if ratio == max(settings.ratios):
                falls += state.falls()
            done += 1
            if progress:
                progress(done, total)
    waiting: dict[str, int] = {}
    for unit in units_of(settings):
        if count := len(job.waiting(unit)):
            waiting[unit.model] = waiting.get(unit.model, 0) + count
    return Results(settings, snapshot.id, rows, waiting, told, len(rows_asked), falls, asked)


class _Met:
    """Rows of the products that are met, by corruption and share."""

    def __init__(self, snapshot: Snapshot, rows: np.ndarray, settings: GridSettings) -> None:
        self._draws = Draws(snapshot, rows, settings.corrupt_seed)

    def __call__(self, name: str, ratio: float) -> np.ndarray:
        parts = self._draws.met(Corruption(CORRUPTIONS[name], ratio))
        return np.unique(np.concatenate([*parts.values(), np.empty(0, np.int64)]))


class _Model:
    """The cells of one model and task, read when they are first asked for."""

    def __init__(self, job: GridJob, task: str, model: str) -> None:
        self._job, self._task, self._model = job, task, model
        trained = model not in SIMPLE
        self.seeds: Sequence[int] = range(job.settings.seeds if trained else 1)
        self._kept: dict[tuple[int, str, float], GridCell | None] = {}

    def cell(self, seed: int, name: str, ratio: float, met: _Met) -> GridCell | None:
        """As it was asked, or of whole and wholly corrupted products."""
        asked = self._read(seed, name, ratio)
        if asked is not None or name == CLEAN or ratio == 1:
            return asked
        whole, harmed = self._read(seed, CLEAN, 0.0), self._read(seed, name, 1.0)
        if whole is None or harmed is None or whole.outcomes is None or harmed.outcomes is None:
            return None
        if not self._job.each_alone(self._model, self._task):
            return None
        outcomes = mixed(whole.outcomes, harmed.outcomes, met(name, ratio))
        figure = outcomes.figure()
        return GridCell(whole.measure, figure, outcomes, {whole.measure: figure}, whole.told)

    def _read(self, seed: int, name: str, ratio: float) -> GridCell | None:
        key = (seed, name, ratio)
        if key not in self._kept:
            path = self._job.paths.cell(self._task, self._model, seed, name, ratio)
            self._kept[key] = read_cell(path)
        return self._kept[key]


class _State:
    """All models of a task in one state of the catalog, beside each other.

    Args:
        settings: of the grid.
        task, name, ratio: which.
        found: the cells of each model.
        whole: those of the whole catalog.
    """

    def __init__(
        self,
        settings: GridSettings,
        task: str,
        name: str,
        ratio: float,
        found: dict[str, Trainings],
        whole: dict[str, Trainings],
    ) -> None:
        self._settings, self._found = settings, found
        self._task, self._name, self._ratio = task, name, ratio
        self._means = {
            model: float(np.mean([cell.figure for cell in cells.values()]))
            for model, cells in found.items()
        }
        self._rivals = settings.baselines(tuple(found))
        self._best = max(self._rivals, key=self._means.__getitem__) if self._rivals else None
        self._falls: dict[str, Fall] = {}
        if name != CLEAN:
            for model in found.keys() & whole.keys():
                if (fall := fall_of(whole[model], found[model])) is not None:
                    self._falls[model] = fall

    def rows(self) -> Iterator[GridRow]:
        """A row per model, and of the first one who is ahead."""
        for model, trainings in self._found.items():
            cells = list(trainings.values())
            outcomes = averaged(cells)
            low = high = spread = math.nan
            if outcomes is not None:
                low, high = interval_of(outcomes, draws=DRAWS)
            if len(cells) > 1:
                spread = float(np.std([cell.figure for cell in cells], ddof=1))
            more: dict[str, Any] = {}
            if model in self._falls:
                fall = self._falls[model]
                more = {"fall": fall.value, "fall_low": fall.low, "fall_high": fall.high}
            if model == self._settings.champion and self._best is not None:
                more |= _ahead(model, trainings, self._best, self._found[self._best])
            yield GridRow(
                task=self._task,
                measure=cells[0].measure,
                corruption=self._name,
                ratio=self._ratio,
                model=model,
                seeds=len(cells),
                mean=self._means[model],
                low=low,
                high=high,
                spread=spread,
                questions=None if outcomes is None else len(outcomes),
                parameters=cells[0].told.get("parameters"),
                metrics=_means([cell.metrics for cell in cells]),
                **more,
            )

    def falls(self) -> list[FallDifference]:
        """Who falls less."""
        falls = {model: self._falls[model] for model in self._found if model in self._falls}
        if not falls:
            return []
        cell = next(iter(self._found[next(iter(falls))].values()))
        return list(
            compared_falls(
                falls,
                self._settings.champion,
                self._rivals,
                self._best,
                task=self._task,
                measure=cell.measure,
                corruption=self._name,
                ratio=self._ratio,
            )
        )


def _asked(found: dict[str, Trainings]) -> TaskAsked:
    cells = [next(iter(trainings.values())) for trainings in found.values()]
    measure = cells[0].measure
    names = (f"majority_{measure}", *(("majority",) * (measure == "accuracy")))
    majorities = [cell.metrics[name] for cell in cells for name in names if name in cell.metrics]
    counts = [len(cell.outcomes) for cell in cells if cell.outcomes is not None]
    return TaskAsked(measure, counts[0] if counts else None, majorities[0] if majorities else None)


def _means(reports: list[dict[str, float]]) -> dict[str, float]:
    """Of what all of them report."""
    return {
        name: float(np.mean([report[name] for report in reports]))
        for name in reports[0]
        if all(name in report for report in reports)
    }


def _ahead(model: str, trainings: Trainings, best: str, others: Trainings) -> dict[str, Any]:
    one, other = (list(part.values()) for part in of_both(model, trainings, best, others))
    told: dict[str, Any] = {"against": best}
    if not one or not other:
        return told
    means = [float(np.mean([cell.figure for cell in cells])) for cells in (one, other)]
    told["difference"] = means[0] - means[1]
    outcomes, against = averaged(one), averaged(other)
    if outcomes is None or against is None:
        return told
    try:
        found = difference(outcomes, against)
    except K3MError:  # a task may ask one model something else
        return told
    outcome = "ahead" if found.low > 0 else "lost" if found.high < 0 else "level"
    return told | {
        "difference_low": found.low,
        "difference_high": found.high,
        "p": found.p,
        "outcome": outcome if found.units >= FEWEST_UNITS else "level",
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
