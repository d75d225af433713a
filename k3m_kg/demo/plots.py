"""The report's plots, as PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from k3m_kg.demo.measure import (
    CEILING,
    K3M,
    MAJORITY,
    PLAIN,
    PLAIN_CEILING,
    Scorecard,
)
from k3m_kg.pages.plots import BLUE, ORANGE, figure, png
from k3m_kg.report.plots import Series, plot_properties, plot_training
from k3m_kg.training.run.folder import run_folder
from k3m_kg.training.watching.logs import read_metrics

SHARES = (0.0, 0.2, 0.5, 0.8, 1.0)


def plot_losses(k3m: Path, plain: Path) -> bytes:
    """The three losses, and the validation accuracy, of both models."""
    logs = {PLAIN: read_metrics(run_folder(plain)), K3M: read_metrics(run_folder(k3m))}
    found = plot_training(logs)
    assert found is not None, "both were just trained"
    return found


def plot_accuracy(answers: Scorecard) -> bytes:
    """Accuracy per property: majority, both models, ceiling."""
    ceiling = answers.per_property(CEILING)
    names = sorted(ceiling, key=lambda name: -ceiling[name])

    def series(who: str, mark: Any) -> Series:
        right = answers.per_property(who)
        return Series(who, [100 * right[name] for name in names], mark)

    everyone = [
        series(MAJORITY, "floor"),
        series(PLAIN, "other"),
        series(K3M, "model"),
        series(CEILING, "ceiling"),
    ]
    label = "accuracy on test products (%): best value of the property ranked first"
    return plot_properties(names, everyone, label)


def plot_missing(answers: Scorecard) -> bytes:
    """Accuracy as titles or images go missing, or are those of other products."""
    with figure(4, 14, 3.7, sharey=True) as (made, axes):
        panels = {
            "no title": "Titles go missing",
            "no image": "Images go missing",
            "wrong title": "Titles of others",
            "wrong image": "Images of others",
        }
        for axis, (condition, title) in zip(axes, panels.items(), strict=True):
            for who, colour, dashed in (
                (CEILING, BLUE, True),
                (K3M, BLUE, False),
                (PLAIN_CEILING, ORANGE, True),
                (PLAIN, ORANGE, False),
            ):
                if (who, condition) not in answers.right:
                    continue
                values = missing_curve(answers, who, condition)
                style: dict[str, Any] = (
                    {"ls": (0, (4, 3)), "lw": 1.1, "alpha": 0.75}
                    if dashed
                    else {"marker": "o", "ms": 4.5, "lw": 2}
                )
                axis.plot(
                    [100 * share for share in SHARES], values, color=colour, label=who, **style
                )
            axis.set(title=title, xlabel="products (%)", xticks=[0, 20, 50, 80, 100])
        axes[0].set_ylim(0, 100)
        axes[0].set_ylabel("accuracy (%)")
        handles, labels = axes[0].get_legend_handles_labels()
        made.legend(handles, labels, ncols=4, loc="outside lower center", fontsize=9)
        return png(made)


def missing_curve(answers: Scorecard, who: str, condition: str) -> Sequence[float]:
    """Accuracy in percent at each of `SHARES`."""
    return [100 * answers.corrupted(who, condition, share) for share in SHARES]
