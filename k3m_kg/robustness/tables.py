"""Results as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import fields

from k3m_kg.corruption import CORRUPTIONS
from k3m_kg.robustness.results import GridRow, Results

MEASURES = (
    *("accuracy", "macro_f1", "f1", "precision", "recall", "average_precision"),
    *("rank@1", "rank@3", "rank@10", "macro_hits@1", "hits@1", "hits@3", "hits@10"),
    *("recall@1", "recall@5", "recall@10", "mrr", "ndcg@10"),
)
"""What reports call shares of what was asked, in the order of tables."""
MARKS = {"ahead": "▲", "level": "=", "lost": "▼"}
"""Beside the first model's figure: ahead of the best other, level with it, behind it."""


def csv_text(results: Results) -> str:
    """A row per cell and model."""
    names = [item.name for item in fields(GridRow) if item.name != "metrics"]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    for row in results.rows:
        values = [getattr(row, name) for name in names]
        writer.writerow(["" if value is None or value != value else value for value in values])
    return file.getvalue()


def markdown(results: Results) -> str:
    """All tables, one for each task and corruption."""
    return "\n".join(_markdown(results)) + "\n"


def table_of(results: Results, task: str, corruption: str) -> tuple[list[str], list[list[str]]]:
    """Models by shares: head and body, as text; the best of a column has a star at its end."""
    rows = results.of(task, corruption)
    ratios = sorted({row.ratio for row in rows})
    by_cell = {(row.model, row.ratio): row for row in rows}
    best = {
        ratio: max((row.mean for row in rows if row.ratio == ratio), default=math.nan)
        for ratio in ratios
    }
    body = []
    for model in dict.fromkeys(row.model for row in rows):
        cells = [model]
        for ratio in ratios:
            row = by_cell.get((model, ratio))
            cells.append("-" if row is None else _cell(row) + "*" * (row.mean == best[ratio]))
        body.append(cells)
    return ["model", *(f"{100 * ratio:g} %" for ratio in ratios)], body


def measures_of(results: Results, task: str) -> tuple[list[str], list[list[str]]]:
    """All measures of a task, in the whole catalog and with all products of each corruption met.

    Returns:
        Head and body, as text, the best of a state with a star at its end; an empty body where the
        task has one measure only.
    """
    rows = [row for row in results.rows if row.task == task and row.ratio in (0, 1)]
    names = [name for name in MEASURES if any(name in row.metrics for row in rows)]
    if len(names) < 2:
        return [], []
    body = []
    for state in dict.fromkeys(row.corruption for row in rows):
        here = [row for row in rows if row.corruption == state]
        best = {name: max(row.metrics.get(name, -math.inf) for row in here) for name in names}
        for row in here:
            cells = [
                f"{100 * row.metrics[name]:.1f}" + "*" * (row.metrics[name] == best[name])
                if name in row.metrics
                else "-"
                for name in names
            ]
            body.append([state, row.model, *cells])
    return ["products", "model", *names], body


def verdict_text(results: Results) -> str:
    """In how many cells the first model is ahead."""
    found = results.verdicts()
    cells = sum(found.values())
    if not cells:
        return f"{results.settings.champion}: nobody to compare it with"
    return (
        f"{results.settings.champion} against the best other model of each cell: ahead in "
        f"{found['ahead']}, level in {found['level']}, lost in {found['lost']} of {cells} cells"
    )


def _markdown(results: Results) -> Iterator[str]:
    yield "# Robustness"
    yield ""
    yield f"{verdict_text(results)}."
    if results.missing:
        yield ""
        yield f"{results.missing:,} cells are not asked yet."
    for task in results.tasks:
        measure = next(row.measure for row in results.rows if row.task == task)
        for corruption in results.corruptions(task):
            head, body = table_of(results, task, corruption)
            yield ""
            yield f"## {task}, {corruption}: {CORRUPTIONS[corruption].summary}"
            yield ""
            yield (
                f"{measure} in %, over {results.products:,} products; in brackets the 95 % interval"
            )
            yield ""
            yield f"| {' | '.join(head)} |"
            yield f"|{'---|' * len(head)}"
            for cells in body:
                yield f"| {' | '.join(cells)} |"
        head, body = measures_of(results, task)
        if body:
            yield ""
            yield f"## {task}, all measures, all products met"
            yield ""
            for cells in (head, ["---"] * len(head), *body):
                yield f"| {' | '.join(cells)} |"


def _cell(row: GridRow) -> str:
    mark = f" {MARKS[row.outcome]}" if row.outcome else ""
    interval = "" if math.isnan(row.low) else f" [{100 * row.low:.1f}, {100 * row.high:.1f}]"
    return f"{100 * row.mean:.1f}{interval}{mark}"
