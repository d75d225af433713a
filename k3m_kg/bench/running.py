"""A benchmark over several seeds: what is done stays done, and the table of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy.stats import t as student

from k3m_kg.bench.registry import METRICS, Benchmark, Task
from k3m_kg.bench.training import (
    GraphRunner,
    Options,
    PairsRunner,
    ValuesRunner,
    Watch,
)
from k3m_kg.errors import UsageError
from k3m_kg.files import write_errors, write_text
from k3m_kg.manifests import read_json, write_json

_KEPT = "bench.json"
_TOLD = ("epochs", "minutes", "features", "set")
"""Of the options, those that change what is trained."""


class Runner(Protocol):
    """One benchmark, prepared.

    Attributes:
        notes: what was guessed or left out.
        leaks: how much of test can be known from train.
    """

    notes: list[str]
    leaks: dict[str, Any]

    def run(self, seed: int) -> dict[str, Any]:
        """`metrics`, and perhaps `competitors`, of one seed."""
        ...


_RUNNERS: dict[Task, Callable[[Options, Watch], Runner]] = {
    "triples": GraphRunner,
    "pairs": PairsRunner,
    "values": ValuesRunner,
}


def run_benchmark(
    benchmark: Benchmark, options: Options, seeds: Sequence[int], watch: Watch
) -> dict[str, Any]:
    """All seeds, one after another; those that an earlier call has done are read.

    Returns:
        The report: the benchmark, metrics of each seed, `summary`, `leaks`, `notes`. It is also in
        `report.json` and `report.md` of the folder.

    Raises:
        UsageError: the folder holds another run, or an option does not fit the benchmark.
        CatalogError, ConfigError: the files are not those of the benchmark.
    """
    _check(benchmark, options)
    _begin(benchmark, options)
    runner = _RUNNERS[benchmark.task](options, watch)
    found = {}
    for seed in seeds:
        path = options.out / f"seed-{seed}.json"
        if not path.exists():
            result = runner.run(seed) | {"leaks": runner.leaks}
            write_json(path, result)
        found[seed] = read_json(path)
    report = _report(benchmark, found, runner.notes)
    report["options"] = read_json(options.out / _KEPT)
    write_json(options.out / "report.json", report)
    write_text(options.out / "report.md", markdown(report))
    return report


def _check(benchmark: Benchmark, options: Options) -> None:
    if benchmark.task == "triples" and options.minutes is not None:
        raise UsageError(
            "is a budget of K3M; embeddings are trained by epochs",
            where="--minutes",
            hint="give --epochs",
        )
    if benchmark.task != "triples" and options.features is not None:
        raise UsageError("are of the entities of a graph", where="--features")


def _begin(benchmark: Benchmark, options: Options) -> None:
    """Keep what the folder is for; the same again goes on."""
    kept = options.out / _KEPT
    asked = {
        "benchmark": benchmark.name,
        "data": str(options.data.resolve()),
        "epochs": options.epochs,
        "minutes": options.minutes,
        "features": None if options.features is None else str(options.features.resolve()),
        "set": list(options.overrides),
    }
    with write_errors(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    if kept.exists():
        if read_json(kept) != asked:
            raise UsageError(
                "holds a run of another benchmark, of other files or with other options",
                where=str(options.out),
                hint="choose another --out, or remove that folder",
            )
        return
    if any(options.out.iterdir()):
        raise UsageError(
            "holds something else", where=str(options.out), hint="choose another --out"
        )
    write_json(kept, asked)


def _report(
    benchmark: Benchmark, found: dict[int, dict[str, Any]], notes: Sequence[str]
) -> dict[str, Any]:
    names = METRICS[benchmark.task]
    competitors: dict[str, list[dict[str, float]]] = {}
    for result in found.values():
        for name, metrics in result.get("competitors", {}).items():
            competitors.setdefault(name, []).append(metrics)
    ours = [result["metrics"] for result in found.values()]
    left_out = max((result.get("left_out", 0) for result in found.values()), default=0)
    if left_out:
        text = f"{left_out:,} validation and test triples are not asked: they name what train lacks"
        notes = [*notes, text]
    without = [result["without_leaks"] for result in found.values() if "without_leaks" in result]
    return {
        "benchmark": benchmark.record(),
        "seeds": {str(seed): result["metrics"] for seed, result in found.items()},
        "summary": _summary(ours, names),
        "without_leaks": _summary(without, names),
        "competitors": {name: _summary(some, names) for name, some in competitors.items()},
        "leaks": next(iter(found.values()))["leaks"] if found else {},
        "notes": list(notes),
    }


def _summary(
    results: Sequence[dict[str, float]], names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """By metric: mean over seeds, and half of its 95 % interval (Student's t; none of one seed)."""
    found = {}
    for name in names:
        values = np.array([result[name] for result in results if name in result])
        if not len(values):
            continue
        half = math.nan
        if len(values) > 1:
            half = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1))
            half /= math.sqrt(len(values))
        found[name] = {"mean": float(values.mean()), "half": half}
    return found


def markdown(report: dict[str, Any]) -> str:
    """The table: ours, those beside it, and what was published."""
    benchmark = report["benchmark"]
    names = METRICS[benchmark["task"]]
    lines = [f"# {benchmark['name']}", "", f"{benchmark['about']}; {benchmark['size']}.", ""]
    lines += [
        "| method | " + " | ".join(names) + " | source |",
        "|---|" + "---|" * (len(names) + 1),
    ]
    seeds = len(report["seeds"])
    here = f"measured here, {seeds} seed{'s' if seeds != 1 else ''}"
    lines.append(_row("k3m-kg", report["summary"], names, here))
    if report["without_leaks"]:
        lines.append(_row("k3m-kg, without what leaks", report["without_leaks"], names, here))
    for name, summary in report["competitors"].items():
        lines.append(_row(name, summary, names, here))
    for published in benchmark["published"]:
        cells = [f"{published[name]:.3f}" if name in published else "" for name in names]
        lines.append(f"| {published['method']} | {' | '.join(cells)} | {published['source']} |")
    if not benchmark["published"]:
        lines += ["", "No published figure was checked against its paper; none is repeated here."]
    if report["leaks"]:
        told = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in report["leaks"].items()
        )
        lines += ["", f"Leaks from train to test: {told}."]
    lines += [f"\nNote: {text}." for text in report["notes"]]
    own = {key: value for key, value in report["options"].items() if value and key in _TOLD}
    if own:
        told = "; ".join(
            f"{key} {', '.join(value) if isinstance(value, list) else value}"
            for key, value in own.items()
        )
        lines += ["", f"Trained with: {told}."]
    if benchmark["mind"]:
        lines += ["", f"Mind: {benchmark['mind']}."]
    return "\n".join(lines) + "\n"


def _row(method: str, summary: dict[str, Any], names: Sequence[str], source: str) -> str:
    cells = []
    for name in names:
        figure = summary.get(name)
        if figure is None:
            cells.append("")
        elif math.isfinite(figure["half"] or math.nan):
            cells.append(f"{figure['mean']:.3f} ± {figure['half']:.3f}")
        else:
            cells.append(f"{figure['mean']:.3f}")
    return f"| {method} | {' | '.join(cells)} | {source} |"


def where_to_get(benchmark: Benchmark, folder: Path | None) -> UsageError:
    """What to say where its files are not here."""
    at = f" in {folder}" if folder is not None else ""
    return UsageError(
        f"{benchmark.name} has to be fetched by you: nothing is downloaded{at}",
        where="--data",
        hint=f"{benchmark.where}; then --data FOLDER with {benchmark.layout}",
    )
