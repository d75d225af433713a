"""Results as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields

from k3m_kg.corruption import CORRUPTIONS
from k3m_kg.robustness.fall_tables import (
    FALL_DIFFERENCE,
    fall_differences_of,
    fall_texts,
    falls_of,
)
from k3m_kg.robustness.falls import FallDifference
from k3m_kg.robustness.results import GridRow, Results

MEASURES = (
    *("accuracy", "macro_f1", "f1", "precision", "recall", "average_precision"),
    *("rank@1", "rank@3", "rank@10", "macro_hits@1", "hits@1", "hits@3", "hits@10"),
    *("recall@1", "recall@5", "recall@10", "mrr", "ndcg@10"),
)
"""What reports call shares of what was asked, in the order of tables."""
MARKS = {"ahead": "▲", "level": "=", "lost": "▼"}
"""Beside the first model's figure: ahead of the best other, level with it, behind it."""


MAJORITY = "majority"
"""The row of what is always said where nothing is looked at."""
LEGEND = (
    "*: the best of its column. ▲ ahead, = level, ▼ lost: the first model against the best other "
    "of the cell, by its paired 95 % interval. -: not measured; of simple models only the measure "
    "that all are compared by is. majority: the most frequent answer of training, always. Cannot "
    "tell: the paired interval of the difference of falls holds 0, which is not to say it is 0."
)


def csv_text(results: Results) -> str:
    """A row per cell and model."""
    return _csv(results.rows, [item.name for item in fields(GridRow) if item.name != "metrics"])


def falls_csv(results: Results) -> str:
    """A row per corruption and two models whose falls are compared."""
    return _csv(results.falls, [item.name for item in fields(FallDifference)])


def _csv(rows: Sequence[GridRow | FallDifference], names: list[str]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
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
    if (majority := results.asked[task].majority) is not None:
        body.append([MAJORITY, *[f"{100 * majority:.1f}"] * len(ratios)])
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
    return ["corruption", "model", *names], body


def asked_text(results: Results, task: str) -> str:
    """How much a task asks, and what can be had without looking."""
    asked = results.asked[task]
    parts = [f"{asked.measure} in %, intervals 95 %"]
    if asked.questions is not None:
        parts.append(
            f"{asked.questions:,} questions were asked about {results.products:,} test products"
        )
    if asked.majority is not None:
        parts.append(f"the majority reaches {100 * asked.majority:.1f} %")
    return "; ".join(parts)


def trainings_text(results: Results) -> str:
    """How often models were trained, and what that is worth."""
    seeds = results.settings.seeds
    counts = dict.fromkeys(results.settings.presets, 0)
    for row in results.rows:
        if row.model in counts:
            counts[row.model] = max(counts[row.model], row.seeds)
    if any(count < seeds for count in counts.values()):
        said = ", ".join(f"{model} {count}" for model, count in counts.items())
        return (
            f"trainings so far, of {seeds} each: {said}; figures are means over these, and two "
            "models are compared by the trainings that both have"
        )
    if seeds > 1:
        return f"each model was trained {seeds} times, and figures are means over these"
    return (
        "each model was trained once: how far another training of it would differ is not known, "
        "and one seed says little; --seeds 3 adds two"
    )


def waiting_text(results: Results) -> str:
    """How many cells are to be asked yet, and of which models."""
    said = ", ".join(f"{count:,} of {model}" for model, count in results.waiting.items())
    return f"{results.missing:,} cells are not asked yet ({said})"


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
    falls = fall_texts(results)
    for line in falls:
        yield f"- {line}."
    yield f"{'- ' if falls else ''}Levels: {verdict_text(results)}."
    yield ""
    yield f"{trainings_text(results).capitalize()}."
    if results.missing:
        yield ""
        yield f"{waiting_text(results)}."
    for task in results.tasks:
        yield ""
        yield f"## {task}"
        yield ""
        yield f"{asked_text(results, task)}."
        for title, (head, body) in (
            ("fall from clean, in points", falls_of(results, task)),
            (FALL_DIFFERENCE, fall_differences_of(results, task)),
        ):
            if body:
                yield from _table(f"### {task}, {title}", head, body)
        for corruption in results.corruptions(task):
            summary = CORRUPTIONS[corruption].summary
            yield from _table(
                f"### {task}, {corruption}: {summary}", *table_of(results, task, corruption)
            )
        head, body = measures_of(results, task)
        if body:
            yield from _table(f"### {task}, all measures, all products met", head, body)
    yield ""
    yield LEGEND


def _table(title: str, head: list[str], body: list[list[str]]) -> Iterator[str]:
    yield ""
    yield title
    yield ""
    for cells in (head, ["---"] * len(head), *body):
        yield f"| {' | '.join(cells)} |"


def _cell(row: GridRow) -> str:
    mark = f" {MARKS[row.outcome]}" if row.outcome else ""
    interval = "" if math.isnan(row.low) else f" [{100 * row.low:.1f}, {100 * row.high:.1f}]"
    return f"{100 * row.mean:.1f}{interval}{mark}"
