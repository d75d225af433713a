"""The plots of a quality page, as PNG bytes. A catalog's text is drawn as it is, never parsed."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from k3m_kg.graph.stored import GraphStatus
from k3m_kg.quality.examination import PropertyCoverage, ValueCount

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _ORANGE, _INK, _GREY, _FAINT = "#1f5fa8", "#d9772b", "#23282f", "#9aa3ad", "#e4e7eb"
_FONTS = (
    "Inter", "Helvetica Neue", "Arial", "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP",
    "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Microsoft YaHei", "SimHei",
    "PingFang SC", "Hiragino Sans", "Arial Unicode MS", "Noto Sans",
)  # fmt: skip
_STYLE: dict[str, Any] = {
    "font.size": 10,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "ytick.major.size": 0,
    "savefig.dpi": 144,
    "savefig.bbox": "tight",
}
_LONGEST_LABEL = 32


def plot_missing(status: GraphStatus) -> bytes:
    """Shares of the products that lack a picture, a title, or triples."""
    missing = status.missing
    counts = {"no picture": missing.image, "no title": missing.title, "no triples": missing.triples}
    with _figure(1, 7.5, 1.7) as (figure, (axis,)):
        shares = [100 * count / max(status.products, 1) for count in counts.values()]
        _bars(axis, list(counts), shares, _ORANGE, lambda share: f"{share:.1f} %")
        axis.set_xlim(0, 100)
        axis.set_xlabel("products (%)")
        return _png(figure)


def plot_properties(coverage: Sequence[PropertyCoverage]) -> bytes:
    """Coverage, and distinct values, of these properties."""
    from matplotlib.ticker import NullLocator

    labels = _labels([one.property for one in coverage])
    with _figure(2, 11, 0.27 * len(coverage) + 1.1) as (figure, axes):
        shares = [100 * one.share for one in coverage]
        _bars(axes[0], labels, shares, _BLUE, lambda share: f"{share:.0f}")
        axes[0].set(title="Coverage", xlabel="products that have it (%)", xlim=(0, 100))
        values = [one.values for one in coverage]
        _bars(axes[1], [""] * len(coverage), values, _GREY, lambda count: f"{count:,}")
        axes[1].set(title="Distinct values", xlabel="values (logarithmic)", xscale="log")
        axes[1].set_xlim(0.8, 4 * max(values, default=1))
        axes[1].xaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        axes[1].xaxis.set_minor_locator(NullLocator())
        return _png(figure)


def plot_categories(categories: Sequence[ValueCount]) -> bytes:
    """Products of these categories."""
    labels = _labels([one.value for one in categories])
    with _figure(1, 7.5, 0.27 * len(categories) + 0.9) as (figure, (axis,)):
        counts = [one.count for one in categories]
        _bars(axis, labels, counts, _BLUE, lambda count: f"{count:,}")
        axis.set_xlabel("products")
        axis.set_xlim(0, 1.12 * max(counts, default=1))
        return _png(figure)


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


def _labels(names: Sequence[str]) -> list[str]:
    """Names as they can be drawn: where no font here has the letters, its number in the table."""
    return [
        (name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…")
        if set(name) <= _drawable()
        else f"no. {number}"
        for number, name in enumerate(names, 1)
    ]


@cache
def _fonts() -> list[str]:
    from matplotlib import font_manager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # fonts that are not here
    there = {entry.name for entry in font_manager.fontManager.ttflist}
    return [name for name in _FONTS if name in there] or ["DejaVu Sans"]


@cache
def _drawable() -> frozenset[str]:
    from matplotlib import font_manager

    fonts = [font_manager.get_font(font_manager.findfont(name)) for name in _fonts()]
    return frozenset(chr(code) for font in fonts for code in font.get_charmap())


@contextmanager
def _figure(columns: int, width: float, height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    # No pyplot: nothing is kept that would have to be closed, and no window system is asked for.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {**_STYLE, "font.family": _fonts()}
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False)
        yield figure, list(axes[0])


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
