"""The plots of a quality page, as PNG bytes. A catalog's text is drawn as it is, never parsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from k3m_kg.graph.stored import GraphStatus
from k3m_kg.pages.plots import BLUE, GREY, ORANGE, drawable, figure, png
from k3m_kg.quality.examination import PropertyCoverage, ValueCount

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_missing(status: GraphStatus) -> bytes:
    """Shares of the products that lack a picture, a title, triples, or a category."""
    missing = status.missing
    counts = {"no picture": missing.image, "no title": missing.title, "no triples": missing.triples}
    if missing.category < status.products:  # else the catalog has none
        counts["no category"] = missing.category
    with figure(1, 7.5, 0.8 + 0.3 * len(counts), rows=True) as (made, (axis,)):
        shares = [100 * count / max(status.products, 1) for count in counts.values()]
        _bars(axis, list(counts), shares, ORANGE, lambda share: f"{share:.1f} %")
        axis.set_xlim(0, 100)
        axis.set_xlabel("products (%)")
        return png(made)


def plot_properties(coverage: Sequence[PropertyCoverage]) -> bytes:
    """Coverage, and distinct values, of these properties."""
    from matplotlib.ticker import NullLocator

    labels = drawable([one.property for one in coverage])
    with figure(2, 11, 0.27 * len(coverage) + 1.1, rows=True) as (made, axes):
        shares = [100 * one.share for one in coverage]
        _bars(axes[0], labels, shares, BLUE, lambda share: f"{share:.0f}")
        axes[0].set(title="Coverage", xlabel="products that have it (%)", xlim=(0, 100))
        values = [one.values for one in coverage]
        _bars(axes[1], [""] * len(coverage), values, GREY, lambda count: f"{count:,}")
        axes[1].set(title="Distinct values", xlabel="values (logarithmic)", xscale="log")
        axes[1].set_xlim(0.8, 4 * max(values, default=1))
        axes[1].xaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        axes[1].xaxis.set_minor_locator(NullLocator())
        return png(made)


def plot_categories(categories: Sequence[ValueCount]) -> bytes:
    """Products of these categories."""
    labels = drawable([one.value for one in categories])
    with figure(1, 7.5, 0.27 * len(categories) + 0.9, rows=True) as (made, (axis,)):
        counts = [one.count for one in categories]
        _bars(axis, labels, counts, BLUE, lambda count: f"{count:,}")
        axis.set_xlabel("products")
        axis.set_xlim(0, 1.12 * max(counts, default=1))
        return png(made)


def _bars(
    axis: Axes,
    labels: Sequence[str],
    values: Sequence[float],
    colour: str,
    say: Callable[[Any], str],
) -> None:
    rows = range(len(values))
    axis.barh(rows, values, color=colour, height=0.68)
    axis.set_yticks(rows, labels)
    axis.set_ylim(len(values) - 0.4, -0.6)
    for row, value in zip(rows, values, strict=True):
        axis.annotate(
            say(value), (value, row), (4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
