"""What a grid is going to do, in words, before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from k3m_kg.robustness.clock import Clock
from k3m_kg.robustness.units import GridJob, asked_cells, units_of


def plan_lines(job: GridJob, clock: Clock) -> Iterator[str]:
    """Tasks, models, corruptions, shares and seeds, and how much of it is to be done."""
    settings = job.settings
    yield f"tasks: {', '.join(settings.tasks)}"
    times = "once" if settings.seeds == 1 else f"{settings.seeds} times"
    yield f"models: {', '.join(settings.models)}; each that is trained is so {times}"
    shares = ", ".join(f"{100 * ratio:g}" for ratio in settings.ratios if ratio)
    harm = f"{', '.join(settings.corruptions)} of {shares} % of the products" if shares else "none"
    yield f"corruptions: {harm}, and the whole catalog"
    trainings = len(settings.presets) * settings.seeds
    yield (
        f"to do: {clock.trainings_left:,} of {trainings:,} trainings, {clock.cells_left:,} of "
        f"{_cells(job):,} cells; how long that takes is told once a training goes on"
    )
    if settings.seeds == 1:
        yield "one training of each model says little of how far trainings differ: --seeds 3"


def _cells(job: GridJob) -> int:
    """That are asked, shares that follow from others left out."""
    return sum(
        len(asked_cells(job.settings, each_alone=job.each_alone(unit.model, task)))
        for unit in units_of(job.settings)
        for task in job.tasks_of(unit)
    )
