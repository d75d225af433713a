"""Plots of a training and of figures per property, as PNG bytes; the demo's are these too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from k3m_kg.pages.plots import BLUE, FAINT, GREY, INK, ORANGE, drawable, figure, png

Log = Sequence[Mapping[str, Any]]
"""The lines of a training's log."""
_COLOURS = (ORANGE, BLUE)
_SMOOTH = 15
_FIRST = "macro_hits@1"
_TASKS = {"lpm": "Triples (LPM)", "mlm": "Title words (MLM)", "mom": "Image regions (MOM)"}
_MARKS: dict[str, dict[str, Any]] = {
    "floor": {"marker": "|", "s": 130, "color": GREY, "lw": 2},
    "other": {"s": 120, "facecolor": "white", "edgecolor": ORANGE, "lw": 1.8},
    "model": {"s": 52, "color": BLUE, "zorder": 3},
    "ceiling": {"marker": "|", "s": 150, "color": INK, "lw": 2},
}


@dataclass(frozen=True, slots=True)
class Series:
    """Somebody's accuracy per property, in %, and how it is drawn."""

    name: str
    percent: Sequence[float]
    mark: Literal["floor", "other", "model", "ceiling"]


def plot_training(runs: Mapping[str, Log]) -> bytes | None:
    """The loss of each task, and how often the best value is right on validation.

    Args:
        runs: by name, at most two, the more important one last.

    Returns:
        None where the logs hold nothing of either.
    """
    from matplotlib.ticker import MaxNLocator

    tasks = list(dict.fromkeys(name for log in runs.values() for name in _losses(log)))
    checked = {
        who: [line for line in log if _FIRST in line.get("validation", {}).get("metrics", {})]
        for who, log in runs.items()
    }
    several = any(checked.values())
    if not tasks and not several:
        return None
    colours = dict(zip(runs, _COLOURS[-len(runs) :], strict=True))
    columns = len(tasks) + several
    with figure(columns, min(11, 3.6 * columns), 2.7) as (made, axes):
        for axis, task in zip(axes, tasks, strict=False):
            for who, log in runs.items():
                steps = [line for line in log if task in line]
                values = _smooth(np.array([float(line[task]) for line in steps]))
                axis.plot([s["step"] for s in steps], values, color=colours[who], lw=1.6)
            axis.set(title=_TASKS.get(task, task), xlabel="step", ylabel="loss (nats)")
            axis.set_ylim(bottom=0)
        if several:
            for who, lines in checked.items():
                right = [100 * line["validation"]["metrics"][_FIRST] for line in lines]
                epochs = [line["epoch"] for line in lines]
                style: dict[str, Any] = {"color": colours[who], "marker": "o", "ms": 3.5, "lw": 1.6}
                axes[-1].plot(epochs, right, label=who, **style)
            axes[-1].set(title="Validation", xlabel="epoch", ylabel="accuracy (%)")
            axes[-1].set_ylim(0, 100)
            axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
            if len(runs) > 1:
                axes[-1].legend(loc="lower right", fontsize=9)
        return png(made)


def _losses(log: Log) -> list[str]:
    """The tasks' losses; their sum where it is of several tasks says nothing more."""
    found = dict.fromkeys(
        name
        for line in log
        if "validation" not in line
        for name, value in line.items()
        if isinstance(value, float) and "/" not in name
    )
    names = [name for name in _TASKS if name in found]
    names += [name for name in found if name not in _TASKS and name != "loss"]
    return names or [name for name in found if name == "loss"]


def _smooth(values: np.ndarray) -> np.ndarray:
    """The mean of the last values."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - _SMOOTH, 0)
    return np.asarray((total[end] - total[start]) / (end - start))


def plot_properties(names: Sequence[str], series: Sequence[Series], label: str) -> bytes:
    """A row per property, from the top: everybody's accuracy on one line."""
    rows = np.arange(len(names))
    with figure(1, 8, 0.36 * len(names) + 1.2, rows=True) as (made, (axis,)):
        every = np.array([one.percent for one in series], float).reshape(len(series), len(names))
        axis.hlines(rows, every.min(0), every.max(0), color=FAINT, lw=7, zorder=1)
        for one in series:
            axis.scatter(one.percent, rows, label=one.name, **_MARKS[one.mark])
        axis.set_yticks(rows, drawable(names))
        axis.set_ylim(len(names) - 0.4, -0.6)
        axis.set_xlim(-1, 101)
        axis.set_xlabel(label)
        axis.legend(ncols=len(series), loc="lower left", bbox_to_anchor=(0, 1.0), handletextpad=0.3)
        return png(made)
