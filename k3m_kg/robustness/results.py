"""What a grid found: every cell's mean over trainings, its interval, and who is ahead.

Intervals are of the mean over trainings, by a bootstrap over products; the spread of trainings
stands beside it. The first model is compared with the best of the others by a paired bootstrap: the
same products are drawn for both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from k3m_kg.contracts import Outcomes, Scores
from k3m_kg.corruption import CORRUPTIONS, Corruption
from k3m_kg.corruption.drawing import Draws, some_of
from k3m_kg.errors import K3MError
from k3m_kg.evaluation.intervals import difference, interval_of
from k3m_kg.robustness.cells import Averaged, GridCell, in_order, mixed, read_cell
from k3m_kg.robustness.settings import CLEAN, SIMPLE, GridSettings
from k3m_kg.robustness.units import SPLIT, GridJob
from k3m_kg.snapshot import Snapshot

_DRAWS = 400
"""Of an interval; a comparison has as many as `difference` takes."""
_FEWEST_UNITS = 6


@dataclass(frozen=True, slots=True)
class GridRow:
    """A model in one state of the catalog.

    Attributes:
        task, measure, corruption, ratio, model: which.
        seeds: trainings that were asked.
        mean: of the measure over these.
        low, high: a 95 % interval of it, over products; NaN where the task says nothing of items.
        spread: standard deviation over trainings; NaN of one.
        parameters: numbers that are learned; None of simple models.
        against: of the first model, the best of the others.
        difference, difference_low, difference_high, p: how far it is ahead of that, and how likely
            that would be of equals.
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
    parameters: int | None = None
    against: str | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    outcome: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """All cells of a grid that are there.

    Attributes:
        settings: of the grid.
        snapshot: id.
        rows: by task, corruption, share, model.
        missing: cells that were not asked yet.
        told: what of the catalog was corrupted, by corruption, with all products met.
        products: that were asked.
    """

    settings: GridSettings
    snapshot: str
    rows: list[GridRow]
    missing: int
    told: dict[str, Any]
    products: int

    def of(self, task: str, corruption: str) -> list[GridRow]:
        """The rows of one task and corruption; the whole catalog is its share 0."""
        return [
            row for row in self.rows if row.task == task and row.corruption in (CLEAN, corruption)
        ]

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
            "verdicts": self.verdicts(),
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
    told: dict[str, Any] = {}
    missing = done = 0
    total = len(settings.tasks) * len(settings.cells)
    for task in settings.tasks:
        cells = {model: _Model(job, task, model) for model in settings.models}
        for name, ratio in settings.cells:
            found: dict[str, list[GridCell]] = {}
            for model, kept in cells.items():
                some = [kept.cell(seed, name, ratio, met) for seed in kept.seeds]
                there = [cell for cell in some if cell is not None]
                missing += len(some) - len(there)
                if there:
                    found[model] = there
                    if name != CLEAN and ratio == 1:
                        told.setdefault(name, there[0].told.get("corruption"))
            rows += _compared(settings, task, name, ratio, found)
            done += 1
            if progress:
                progress(done, total)
    return Results(settings, snapshot.id, rows, missing, told, len(rows_asked))


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


def _compared(
    settings: GridSettings, task: str, name: str, ratio: float, found: dict[str, list[GridCell]]
) -> Iterator[GridRow]:
    """A row per model, and of the first one who is ahead."""
    averaged = {model: _averaged(cells) for model, cells in found.items()}
    means = {model: float(np.mean([c.figure for c in cells])) for model, cells in found.items()}
    rivals = settings.baselines(tuple(found))
    best = max(rivals, key=lambda model: means[model]) if rivals else None
    for model, cells in found.items():
        outcomes = averaged[model]
        low = high = math.nan
        if outcomes is not None:
            low, high = interval_of(outcomes, draws=_DRAWS)
        spread = float(np.std([c.figure for c in cells], ddof=1)) if len(cells) > 1 else math.nan
        more: dict[str, Any] = {}
        if model == settings.champion and best is not None:
            more = {"against": best, "difference": means[model] - means[best]}
            more |= _ahead(outcomes, averaged[best])
        yield GridRow(
            task=task,
            measure=cells[0].measure,
            corruption=name,
            ratio=ratio,
            model=model,
            seeds=len(cells),
            mean=means[model],
            low=low,
            high=high,
            spread=spread,
            parameters=cells[0].told.get("parameters"),
            metrics=_means([cell.metrics for cell in cells]),
            **more,
        )


def _means(reports: list[dict[str, float]]) -> dict[str, float]:
    """Of what all of them report."""
    return {
        name: float(np.mean([report[name] for report in reports]))
        for name in reports[0]
        if all(name in report for report in reports)
    }


def _averaged(cells: list[GridCell]) -> Outcomes | None:
    parts = [cell.outcomes for cell in cells if cell.outcomes is not None]
    if len(parts) < len(cells):
        return None
    scores = [in_order(part) for part in parts if isinstance(part, Scores)]
    first = scores[0] if scores else None
    if len(scores) == len(parts) and isinstance(first, Scores):  # their mean is one number an item
        if any(not np.array_equal(first.items, part.items) for part in scores):
            return None
        mean_Q = np.mean([part.score_Q for part in scores if isinstance(part, Scores)], axis=0)
        return Scores(first.items, first.units, mean_Q, first.groups)
    return Averaged.of(parts)


def _ahead(one: Outcomes | None, other: Outcomes | None) -> dict[str, Any]:
    if one is None or other is None:
        return {}
    try:
        found = difference(one, other)
    except K3MError:  # a task may ask one model something else
        return {}
    outcome = "ahead" if found.low > 0 else "lost" if found.high < 0 else "level"
    return {
        "difference_low": found.low,
        "difference_high": found.high,
        "p": found.p,
        "outcome": outcome if found.units >= _FEWEST_UNITS else "level",
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
