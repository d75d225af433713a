"""How plots look, as PNG bytes. A catalog's text is drawn as it is, never parsed."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, INK, GREY, FAINT = "#1f5fa8", "#d9772b", "#23282f", "#9aa3ad", "#e4e7eb"
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
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "savefig.dpi": 144,
    "savefig.bbox": "tight",
}
_ROWS_STYLE = {"axes.spines.left": False, "axes.grid.axis": "x", "ytick.major.size": 0}
_LONGEST_LABEL = 32


@contextmanager
def figure(
    columns: int, width: float, height: float, *, rows: bool = False, **options: Any
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of axes side by side, in inches; with `rows` one whose y axis lists names."""
    # No pyplot: nothing is kept that would have to be closed, and no window system is asked for.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {**_STYLE, **(_ROWS_STYLE if rows else {}), "font.family": _fonts()}
    with mpl.rc_context(style):
        made = Figure(figsize=(width, height), layout="constrained")
        axes = made.subplots(1, columns, squeeze=False, **options)
        yield made, list(axes[0])


def png(made: Figure) -> bytes:
    """The figure, within the context that it was made in."""
    buffer = io.BytesIO()
    made.savefig(buffer, format="png")
    return buffer.getvalue()


def drawable(names: Sequence[str]) -> list[str]:
    """Names as they can be drawn: where no font here has the letters, its number in the table."""
    return [
        (name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…")
        if set(name) <= _letters()
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
def _letters() -> frozenset[str]:
    from matplotlib import font_manager

    fonts = [font_manager.get_font(font_manager.findfont(name)) for name in _fonts()]
    return frozenset(chr(code) for font in fonts for code in font.get_charmap())
