"""`k3m-kg robustness`: the paper's experiments on a catalog of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.commands.training.pretrain import spoken_time
from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar, say
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.using import DeviceOption, OverridesOption, one_of
from k3m_kg.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from k3m_kg.robustness.clock import Clock
    from k3m_kg.robustness.units import Told


class _Bars:
    """A bar for all cells and one for each training."""

    def __init__(self, bar: Progress, cells: int) -> None:
        self.bar, self.cells = bar, cells
        self.whole = bar.add_task("cells", total=cells, info="")
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, told: Told, clock: Clock) -> None:
        rest, left = "", clock.left
        if left is not None:
            rest = f"{'at least ' * left.at_least}{spoken_time(left.seconds)} left"
        self.bar.update(self.whole, completed=self.cells - clock.cells_left, info=rest)
        name = f"{told.unit} {told.stage}"
        if not told.cell and not told.tick:
            if name not in self.tasks:
                self.tasks[name] = self.bar.add_task(name, total=told.total, info="")
            self.bar.update(self.tasks[name], completed=told.done, total=told.total, info=told.info)


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def robustness(
    source: Annotated[
        Path, typer.Argument(help="A snapshot, or a run config in YAML.", metavar="SNAPSHOT|CONFIG")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A new folder, or that of an earlier call.")
    ] = Path("robustness"),
    models: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="The first is compared with the others. [default: K3M and its baselines]",
        ),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Evaluations, as classification:PROPERTY. [default: classification, where the "
            "catalog has categories or a property that fits, link-prediction, and qa where it is "
            "installed]",
        ),
    ] = None,
    corruptions: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="As of `evaluate --corrupt`. [default: all nine]"),
    ] = None,
    ratios: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Shares of products. [default: 0,0.2,0.5,0.8,1]"),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Trainings of each model.")
    ] = 3,
    products: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Ask at most so many test products. [default: all]"),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Of each training. [default: by the catalog's size]"),
    ] = None,
    size: Annotated[
        str, typer.Option("--size", metavar="SIZE", help="Without a config: small, base or paper.")
    ] = "small",
    corrupt_seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Other products are corrupted, by other noise.")
    ] = 0,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="N", help="Stop then; the same command goes on. [default: when done]"
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, metavar="N", help="Models at a time. [default: by the cores]"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew where --out holds another grid.")
    ] = False,
    overrides: OverridesOption = None,
    device: DeviceOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Ask K3M and its baselines about a catalog of which more and more is missing or wrong.

    Each model is trained on whole products, with the same data and number of steps, once for each
    seed, and then asked about test products whose titles, pictures or triples are missing or
    another product's. Models are presets: changes of one config, which is the one given, or one
    chosen from the catalog; `linear` and `boosting` read the same ready-made features.

    Every cell is written whole: killed or stopped, the same command goes on. Writes report.html,
    plots/, results.csv, falls.csv, results.md and results.json into DIR.
    """
    from k3m_kg.extras import require

    require("torch", "sklearn", "matplotlib")
    from k3m_kg.config import validate_settings
    from k3m_kg.robustness.base import base_config, check_targets, snapshot_of
    from k3m_kg.robustness.folder import is_begun, mark_of, refuse_another
    from k3m_kg.robustness.settings import MODELS, GridPaths, GridSettings
    from k3m_kg.snapshot import Snapshot
    from k3m_kg.training.recipe import SIZES

    one_of("size", size, SIZES, "--size")
    given: dict[str, Any] = {
        "models": _listed(models) or MODELS,
        "tasks": _listed(tasks) or ("link-prediction",),
        "corruptions": _listed(corruptions),
        "ratios": _listed(ratios),
        "seeds": seeds,
        "products": products,
        "corrupt_seed": corrupt_seed,
    }
    given = {key: value for key, value in given.items() if value is not None}
    found = None if source.is_dir() else base_config(source, None, size, epochs, overrides or [])
    place = source if found is None else snapshot_of(found, source)
    wrong: list[UsageError] = []
    with _gathered(wrong):
        settings = validate_settings(GridSettings, given, "the grid")
    guard("--out", out, snapshot=place, files=[("the config", source)])
    is_begun(out)
    snapshot = Snapshot.open(place)
    with _gathered(wrong):
        check_targets(given["tasks"], snapshot)
    if wrong:
        raise _together(wrong)
    config = found or base_config(source, snapshot, size, epochs, overrides or [])
    if not fresh:
        refuse_another(out, mark_of(snapshot, config, settings))

    # What is heavy to load, once what can be wrong without it is known to be right.
    from k3m_kg.robustness.choosing import default_tasks, known_models, summaries
    from k3m_kg.robustness.clock import Clock
    from k3m_kg.robustness.fall_tables import fall_texts
    from k3m_kg.robustness.page import write_results
    from k3m_kg.robustness.plan import plan_lines
    from k3m_kg.robustness.results import results_of
    from k3m_kg.robustness.running import prepared, run_grid
    from k3m_kg.robustness.tables import verdict_text, waiting_text

    for name in settings.models:
        one_of("model", name, known_models(), "--models")
    if not _listed(tasks):
        chosen, remark = default_tasks(snapshot)
        settings = settings.model_copy(update={"tasks": chosen})
        note(remark)
    at_once = workers or _workers(device)
    job = prepared(snapshot, config, settings, out, fresh=fresh, workers=at_once, device=device)
    clock = Clock(job, minutes)
    for line in plan_lines(job, clock):
        note(line)
    with progress_bar(disable=as_json, beating=True) as bar:
        bars = _Bars(bar, clock.cells_left)
        try:
            whole = run_grid(job, bars, workers=at_once, clock=clock)
        except KeyboardInterrupt:
            note("interrupted: the same command goes on")
            raise typer.Exit(1) from None
        task = bar.add_task("tables", total=None, info="")
        results = results_of(
            job, snapshot, lambda done, total: bar.update(task, completed=done, total=total)
        )
        files = write_results(results, GridPaths(out), summaries())
    if not whole:
        note(f"the time is over, {waiting_text(results)}: the same command goes on")
    if as_json:
        print_json({"files": [str(path) for path in files], **results.as_json()})
    else:
        for line in fall_texts(results):
            say(line)
        say(f"levels: {verdict_text(results)}")
        say(str(GridPaths(out).page))


@contextmanager
def _gathered(errors: list[UsageError]) -> Iterator[None]:
    """What is wrong is kept, so that all of it is told at once."""
    try:
        yield
    except UsageError as error:
        errors.append(error)


def _together(errors: list[UsageError]) -> UsageError:
    """One error of all of them."""
    first, *others = errors
    message = "\n".join([first.message, *(f"{error.where}: {error.message}" for error in others)])
    hints = [error.hint for error in errors if error.hint]
    return UsageError(message, where=first.where, hint="; ".join(hints) or None)


def _workers(device: str) -> int:
    """As many as there are cores, on a GPU one."""
    import os

    from k3m_kg.engine.device import pick_device

    if pick_device(device).type != "cpu":
        return 1
    return min(4, os.cpu_count() or 1)
