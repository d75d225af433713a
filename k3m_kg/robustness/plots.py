"""The paper's figures: a measure over the share of corrupted products, a panel per corruption."""

from __future__ import annotations

from collections.abc import Sequence

from k3m_kg.corruption import CORRUPTIONS
from k3m_kg.pages.plots import BLUE, GREY, INK, ORANGE, figure, png
from k3m_kg.robustness.results import Results
from k3m_kg.robustness.settings import SIMPLE

GROUPS: dict[str, tuple[str, ...]] = {
    "missing": ("TMR", "IMR", "MMR"),
    "wrong": ("TNR", "INR", "TINR", "MNR"),
    "knowledge": ("KMR", "KNR"),
}
"""Panels that stand side by side."""
_OTHERS = (ORANGE, "#2f8f6b", "#8a5fb0", "#b3402a", "#6b7f1f", "#b08a2f", "#4a4a8a", INK)
_DASHES = {"linear": (0, (4, 2)), "boosting": (0, (1, 1.5))}
_HATCHES = {"boosting": "//"}
"""Beside the other model without training, which is as grey."""


def plot_group(results: Results, task: str, corruptions: Sequence[str]) -> bytes | None:
    """A panel for each of some corruptions; None where none of them was asked."""
    there = [name for name in corruptions if name in results.corruptions(task)]
    if not there:
        return None
    measure = next(row.measure for row in results.rows if row.task == task)
    models = [name for name in results.settings.models if _has(results, task, name)]
    colours = _colours(models, results.settings.champion)
    with figure(len(there), 3.3 * len(there) + 0.6, 3.5, sharey=True) as (made, axes):
        for axis, name in zip(axes, there, strict=True):
            for model in models:
                rows = sorted(
                    (row for row in results.of(task, name) if row.model == model),
                    key=lambda row: row.ratio,
                )
                shares = [100 * row.ratio for row in rows]
                first = model == results.settings.champion
                axis.plot(
                    shares,
                    [100 * row.mean for row in rows],
                    label=model,
                    color=colours[model],
                    lw=2.4 if first else 1.4,
                    marker="o",
                    ms=4 if first else 3,
                    ls=_DASHES.get(model, "-"),
                    zorder=3 if first else 2,
                )
                if first:
                    low, high = [100 * row.low for row in rows], [100 * row.high for row in rows]
                    axis.fill_between(shares, low, high, color=colours[model], alpha=0.15, lw=0)
            axis.set(title=f"{name}: {CORRUPTIONS[name].summary}", xlabel="products (%)")
            axis.title.set_fontsize(9)
        axes[0].set_ylabel(f"{measure} (%)")
        handles, labels = axes[0].get_legend_handles_labels()
        made.legend(handles, labels, ncols=min(5, len(models)), loc="outside lower center")
        return png(made)


def plot_bars(results: Results, task: str) -> bytes | None:
    """Every model's bar in every state, with all products met; None where nothing is corrupted."""
    rows = [row for row in results.rows if row.task == task and row.ratio in (0, 1)]
    states = list(dict.fromkeys(row.corruption for row in rows))
    if len(states) < 2:
        return None
    models = [name for name in results.settings.models if _has(results, task, name)]
    colours = _colours(models, results.settings.champion)
    width = 0.8 / len(models)
    with figure(1, max(6.0, 1.1 * len(states)), 3.5) as (made, (axis,)):
        for place, model in enumerate(models):
            mine = [row for row in rows if row.model == model]
            at = [states.index(row.corruption) + (place + 0.5) * width - 0.4 for row in mine]
            means = [100 * row.mean for row in mine]
            ends = [
                (mean - 100 * row.low, 100 * row.high - mean)
                for mean, row in zip(means, mine, strict=True)
            ]
            axis.bar(at, means, width, label=model, color=colours[model], hatch=_HATCHES.get(model))
            axis.errorbar(
                at,
                means,
                [list(end) for end in zip(*ends, strict=True)],
                fmt="none",
                ecolor=INK,
                elinewidth=0.8,
            )
        axis.set_xticks(range(len(states)), states)
        axis.grid(visible=False, axis="x")
        axis.set_ylabel(f"{rows[0].measure} (%)")
        handles, labels = axis.get_legend_handles_labels()
        made.legend(handles, labels, ncols=min(5, len(models)), loc="outside lower center")
        return png(made)


def _has(results: Results, task: str, model: str) -> bool:
    return any(row.task == task and row.model == model for row in results.rows)


def _colours(models: Sequence[str], champion: str) -> dict[str, str]:
    others = iter(_OTHERS * len(models))
    return {
        model: BLUE if model == champion else GREY if model in SIMPLE else next(others)
        for model in models
    }
