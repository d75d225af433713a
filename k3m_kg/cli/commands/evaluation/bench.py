"""`k3m-kg bench`: published benchmarks from files that the user has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.bench.registry import BENCHMARKS, benchmark_of
from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar, say
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.stages import StageBars
from k3m_kg.cli.using import OverridesOption
from k3m_kg.errors import UsageError
from k3m_kg.extras import require


def bench(
    name: Annotated[
        str | None, typer.Argument(help="The benchmark, as --list has it.", metavar="NAME")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Say what there is, where to get it, and its licence.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Its files, as they are published.")
    ] = None,
    download: Annotated[
        bool,
        typer.Option("--download", help="Says where its files are to be had: none is fetched."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="For trainings and report; a run there goes on. [default: bench/NAME]",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Seeds 0 to N - 1.")] = 3,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Passes over train, of each seed.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="N", help="Of pairs and values: a budget of each seed."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of a graph: vectors of its entities, a .npy file."),
    ] = None,
    overrides: OverridesOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Train on a published benchmark, several seeds, and put the figures beside those published.

    Its files are read as they were published, and never downloaded. The same command again goes
    on where it was left.
    """
    if listed:
        _list(as_json)
        return
    if name is None:
        raise UsageError("names no benchmark", where="bench", hint="`bench --list` has them")
    benchmark = benchmark_of(name)
    require("torch", "sklearn")
    from k3m_kg.bench.running import markdown, run_benchmark, where_to_get
    from k3m_kg.bench.training import Options

    if download or data is None:
        raise where_to_get(benchmark, data)
    folder = out or Path("bench") / benchmark.name
    guard("--out", folder, snapshot=data, files=(("the features", features),))
    options = Options(data, folder, epochs, minutes, features, tuple(overrides or ()))
    with progress_bar(disable=as_json) as bar:
        report = run_benchmark(benchmark, options, range(seeds), StageBars(bar))
    if as_json:
        print_json(report)
        return
    say(markdown(report))
    note(f"report {folder / 'report.md'}, {folder / 'report.json'}")


def _list(as_json: bool) -> None:
    if as_json:
        print_json([benchmark.record() for benchmark in BENCHMARKS.values()])
        return
    for benchmark in BENCHMARKS.values():
        say(f"{benchmark.name} ({benchmark.task}): {benchmark.about}")
        say(f"  where    {benchmark.where}")
        say(f"  size     {benchmark.size}")
        say(f"  licence  {benchmark.licence}")
        for one in benchmark.published:
            figures = ", ".join(f"{metric} {value:.3f}" for metric, value in one.metrics.items())
            say(f"  said of  {one.method}: {figures} ({one.source})")
