"""The report's plots, as PNG files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from k3m_kg.demo.measure import (
    CEILING,
    K3M,
    MAJORITY,
    PLAIN,
    PLAIN_CEILING,
    Scorecard,
)
from k3m_kg.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARES = (0.0, 0.2, 0.5, 0.8, 1.0)
_BLUE, _ORANGE, _INK, _GREY, _FAINT = "#1f5fa8", "#d9772b", "#23282f", "#9aa3ad", "#e4e7eb"
_STYLE: dict[str, Any] = {
    "font.family": ["Inter", "Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "savefig.dpi": 144,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
}


def _figure(columns: int, width: float, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    import logging

    import matplotlib as mpl

    mpl.use("Agg")
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # fonts that are not here
    from matplotlib import pyplot as plt

    for name, value in _STYLE.items():
        mpl.rcParams[name] = value  # type: ignore[index]
    figure, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False, **options)
    return figure, list(axes[0])


def _save(figure: Figure, path: Path) -> Path:
    from matplotlib import pyplot as plt

    with whole_file(path) as staging:
        figure.savefig(staging, format="png")
    plt.close(figure)
    return path


def read_metrics(artifact: Path) -> list[dict[str, Any]]:
    """The lines of the metrics that a training run left beside its artifact."""
    text = (artifact.with_name(f"{artifact.name}.run") / "metrics.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def plot_training(k3m: Path, plain: Path, path: Path) -> Path:
    """The three losses of K3M, and the validation accuracy of both models."""
    from matplotlib.ticker import MaxNLocator

    runs = {K3M: read_metrics(k3m), PLAIN: read_metrics(plain)}
    figure, axes = _figure(4, 11, 2.7)
    titles = {"lpm": "Triples (LPM)", "mlm": "Title words (MLM)", "mom": "Image regions (MOM)"}
    for axis, (task, title) in zip(axes, titles.items(), strict=False):
        for who, colour in ((PLAIN, _ORANGE), (K3M, _BLUE)):
            steps = [line for line in runs[who] if task in line]
            values = np.array([line[task] for line in steps])
            axis.plot([s["step"] for s in steps], _smooth(values), color=colour, lw=1.6)
        axis.set(title=title, xlabel="step", ylabel="loss (nats)")
        axis.set_ylim(bottom=0)
    for who, colour in ((PLAIN, _ORANGE), (K3M, _BLUE)):
        lines = [line for line in runs[who] if "validation" in line]
        right = [100 * line["validation"]["metrics"]["macro_hits@1"] for line in lines]
        epochs = [line["epoch"] for line in lines]
        axes[3].plot(epochs, right, color=colour, marker="o", ms=3.5, lw=1.6, label=who)
    axes[3].set(title="Validation", xlabel="epoch", ylabel="accuracy (%)")
    axes[3].set_ylim(0, 100)
    axes[3].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[3].legend(loc="lower right", fontsize=9)
    return _save(figure, path)


def _smooth(values: np.ndarray, window: int = 15) -> np.ndarray:
    """The mean of the last `window` values."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - window, 0)
    return np.asarray((total[end] - total[start]) / (end - start))


def plot_properties(answers: Scorecard, path: Path) -> Path:
    """Accuracy per property: majority, both models, ceiling."""
    ceiling = answers.per_property(CEILING)
    names = sorted(ceiling, key=lambda name: ceiling[name])
    rows = np.arange(len(names))
    figure, (axis,) = _figure(1, 8, 0.42 * len(names) + 1.1)

    def percent(who: str) -> np.ndarray:
        found = answers.per_property(who)
        return np.array([100 * found[name] for name in names])

    axis.hlines(rows, percent(MAJORITY), percent(CEILING), color=_FAINT, lw=7, zorder=1)
    axis.scatter(percent(MAJORITY), rows, marker="|", s=130, color=_GREY, lw=2, label="majority")
    axis.scatter(
        percent(PLAIN), rows, s=46, facecolor="white", edgecolor=_ORANGE, lw=1.8, label=PLAIN
    )
    axis.scatter(percent(K3M), rows, s=52, color=_BLUE, label=K3M, zorder=3)
    axis.scatter(percent(CEILING), rows, marker="|", s=150, color=_INK, lw=2, label="ceiling")
    axis.set_yticks(rows, names)
    axis.set_xlim(0, 100)
    axis.set_xlabel("accuracy on test products (%): best value of the property ranked first")
    axis.grid(axis="y", visible=False)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), handletextpad=0.3)
    return _save(figure, path)


def plot_missing(answers: Scorecard, path: Path) -> Path:
    """Accuracy as titles or images go missing."""
    figure, axes = _figure(2, 9, 3.7, sharey=True)
    panels = {"no title": "Titles go missing", "no image": "Images go missing"}
    for axis, (condition, title) in zip(axes, panels.items(), strict=True):
        for who, colour, dashed in (
            (CEILING, _BLUE, True),
            (K3M, _BLUE, False),
            (PLAIN_CEILING, _ORANGE, True),
            (PLAIN, _ORANGE, False),
        ):
            values = missing_curve(answers, who, condition)
            style: dict[str, Any] = (
                {"ls": (0, (4, 3)), "lw": 1.1, "alpha": 0.75}
                if dashed
                else {"marker": "o", "ms": 4.5, "lw": 2}
            )
            axis.plot([100 * share for share in SHARES], values, color=colour, label=who, **style)
        axis.set(title=title, xlabel="products without it (%)", xticks=[0, 20, 50, 80, 100])
    axes[0].set_ylim(0, 100)
    axes[0].set_ylabel("accuracy (%)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=4, loc="outside lower center", fontsize=9)
    return _save(figure, path)


def missing_curve(answers: Scorecard, who: str, condition: str) -> Sequence[float]:
    """Accuracy in percent at each of `SHARES`."""
    return [100 * answers.as_missing(who, condition, share) for share in SHARES]
