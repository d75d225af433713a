"""A grid's results on disk: one page, its figures, and tables for others to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from k3m_kg import __version__
from k3m_kg.corruption import CORRUPTIONS
from k3m_kg.evaluation.text import corruption_text
from k3m_kg.files import whole_file, write_text
from k3m_kg.pages.html import best, document, figure, table, text, tiles
from k3m_kg.robustness.fall_tables import (
    FALL_DIFFERENCE,
    FALLS,
    fall_differences_of,
    fall_texts,
    falls_of,
)
from k3m_kg.robustness.plots import GROUPS, plot_bars, plot_group
from k3m_kg.robustness.results import Results
from k3m_kg.robustness.settings import GridPaths
from k3m_kg.robustness.tables import (
    LEGEND,
    asked_text,
    csv_text,
    falls_csv,
    markdown,
    measures_of,
    table_of,
    trainings_text,
    verdict_text,
    waiting_text,
)

_BARS = "bars"
_CAPTIONS = {
    "missing": "Titles, pictures or either missing in a share of the test products.",
    "wrong": "Titles, pictures or either those of another product.",
    "knowledge": "Triples missing, or those of another product.",
    _BARS: "The whole catalog, and all test products met; lines are 95 % intervals.",
}


def write_results(results: Results, paths: GridPaths, summaries: Mapping[str, str]) -> list[Path]:
    """Write `report.html`, `plots/*.png`, `results.csv`, `.md`, `.json`, `falls.csv`; each whole.

    Args:
        results: all that is known.
        paths: of the grid.
        summaries: of models, in words.

    Raises:
        K3MError: a file cannot be written.
    """
    drawn: dict[tuple[str, str], bytes] = {}
    for task in results.tasks:
        for group, names in GROUPS.items():
            if (plot := plot_group(results, task, names)) is not None:
                drawn[task, group] = plot
        if (plot := plot_bars(results, task)) is not None:
            drawn[task, _BARS] = plot
    paths.plots.mkdir(parents=True, exist_ok=True)
    for (task, group), data in drawn.items():
        name = task.replace(":", "-").replace("/", "_")
        with whole_file(paths.plots / f"{name}-{group}.png") as staging:
            staging.write_bytes(data)
    texts = {
        "results.csv": csv_text(results),
        "falls.csv": falls_csv(results),
        "results.md": markdown(results),
        "results.json": json.dumps(results.as_json(), ensure_ascii=False, indent=2) + "\n",
        paths.page.name: results_page(results, drawn, summaries),
    }
    for file, content in texts.items():
        write_text(paths.folder / file, content)
    return [paths.folder / file for file in texts]


def results_page(
    results: Results, drawn: Mapping[tuple[str, str], bytes], summaries: Mapping[str, str]
) -> str:
    """The page, with its figures inside."""
    sections = [_head(results), _models(results, summaries)]
    sections += [robustness_section(results, task, drawn) for task in results.tasks]
    sections.append(_told(results))
    return document("Robustness", sections)


def robustness_section(results: Results, task: str, drawn: Mapping[tuple[str, str], bytes]) -> str:
    """Figures and tables of one task."""
    figures = "".join(
        figure(drawn[task, group], caption)
        for group, caption in _CAPTIONS.items()
        if (task, group) in drawn
    )
    return (
        f"<h2>{text(task)}</h2><p>{escape(asked_text(results, task))}.</p>"
        f"{''.join(_falls(results, task))}{figures}{''.join(_tables(results, task))}"
    )


def _head(results: Results) -> str:
    found = results.verdicts()
    settings = results.settings
    shown = {name: f"{count:,}" for name, count in found.items()}
    missing = f"<p class=wrong>{escape(waiting_text(results))}: the same command goes on.</p>" * (
        results.missing > 0
    )
    claims = "".join(f"<p class=lead>{escape(line)}.</p>" for line in fall_texts(results))
    once = " class=wrong" * (settings.seeds == 1 or results.missing > 0)
    return (
        f"<h1>When titles, pictures or knowledge are missing or wrong</h1>{claims}"
        f"<p class=lead>Levels: {escape(verdict_text(results))}.</p>{tiles(shown)}{missing}"
        f"<p class=note>{results.products:,} test products, which no training saw; models were "
        "trained on whole products, and asked about corrupted ones. "
        f"<span{once}>{escape(trainings_text(results).capitalize())}.</span> Blue is the first "
        "model. Intervals are 95 % by a bootstrap over products, and do not hold how trainings "
        "differ. A fall is what a model loses from the whole catalog to the corrupted one, the "
        "same questions asked of both; falls and levels are compared by a paired bootstrap. The "
        "best other model is chosen by these figures, which favours it by chance. Who stands "
        "near the majority has little to lose: read falls beside levels.</p>"
        f"<p class=note>{escape(LEGEND.replace('*: the best', 'Bold: the best'))}</p>"
    )


def _models(results: Results, summaries: Mapping[str, str]) -> str:
    numbers = {row.model: row.parameters for row in results.rows}
    spread = {
        row.model: row.spread
        for row in results.rows
        if row.task == results.tasks[0] and row.ratio == 0
    }
    body = []
    for model in results.settings.models:
        if model not in numbers:
            continue
        count = numbers[model]
        one = spread.get(model, float("nan"))
        body.append(
            [
                text(model),
                text(summaries.get(model, "")),
                "-" if count is None else f"{count:,}",
                "-" if one != one else f"{100 * one:.1f}",
            ]
        )
    head = ("|model", "||what it is", "parameters", "spread of trainings (points)")
    return f"<h2>The models</h2>{table(*head, rows=body)}"


def _falls(results: Results, task: str) -> Iterator[str]:
    head, body = falls_of(results, task)
    if not body:
        return
    cells = [
        [
            *map(text, (state, model)),
            *figures,
            best(escape(fall.rstrip("*")), fall.endswith("*")),
        ]
        for state, model, *figures, fall in body
    ]
    yield "<h3>Fall from clean</h3>"
    yield table("|corruption", "|model", *head[2:], rows=cells)
    _, body = fall_differences_of(results, task)
    if body:
        cells = [
            [
                *map(text, (state, model, other, kind)),
                escape(figure),
                best(verdict, verdict == FALLS["less"]),
            ]
            for state, model, other, kind, figure, verdict in body
        ]
        yield f"<h3>{FALL_DIFFERENCE[0].upper()}{FALL_DIFFERENCE[1:]}</h3>"
        yield table(
            "|corruption",
            "|model",
            "|against",
            "|which is",
            "difference (points)",
            "verdict",
            rows=cells,
        )


def _tables(results: Results, task: str) -> Iterator[str]:
    for corruption in results.corruptions(task):
        head, body = table_of(results, task, corruption)
        cells = [
            [text(model), *(best(escape(cell.rstrip("*")), cell.endswith("*")) for cell in shown)]
            for model, *shown in body
        ]
        yield f"<h3>{corruption}: {escape(CORRUPTIONS[corruption].summary)}</h3>"
        yield table("|model", *head[1:], rows=cells)
    head, body = measures_of(results, task)
    if body:
        cells = [
            [
                text(state),
                text(model),
                *(best(cell.rstrip("*"), cell.endswith("*")) for cell in shown),
            ]
            for state, model, *shown in body
        ]
        yield "<h3>All measures, all products met</h3>"
        yield table("|corruption", "|model", *head[2:], rows=cells)


def _told(results: Results) -> str:
    lines = [
        f"<li>{escape(line)}</li>"
        for told in results.told.values()
        for line in corruption_text(told)
    ]
    if not lines:
        return ""
    return (
        f"<h2>What was corrupted</h2><p>With all products met:</p><ul>{''.join(lines)}</ul>"
        f"<p class=note>Written by k3m-kg {__version__} from snapshot {results.snapshot}.</p>"
    )
