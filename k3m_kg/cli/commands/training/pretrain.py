"""`k3m-kg pretrain`: from a config file to an artifact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.clock import began
from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar
from k3m_kg.cli.mixed_up import kind_of
from k3m_kg.cli.outputs import guard, guard_training
from k3m_kg.cli.using import OverridesOption, ResumeFlag, one_of
from k3m_kg.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_MUCH = 0.1
"""Share of time without a batch from which on it is worth saying."""
_OURS = "# Chosen by `k3m-kg pretrain` from the catalog's size and shape; change what you like."


class PretrainingBar:
    """Draws a run on a progress bar, or writes a line now and then where there is no terminal."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.stages: dict[str, TaskID] = {}
        self.steps: TaskID | None = None
        self.smooth: dict[str, float] = {}
        self.rate = 0.0
        self.used = ""

    def stage(self, name: str, done: int, total: int) -> None:
        """Preparation went on."""
        if name not in self.stages:
            self.stages[name] = self.bar.add_task(name, total=total, info="")
        self.bar.update(self.stages[name], completed=done, total=total)

    def noted(self, text: str) -> None:
        """What was left out, in words."""
        note(text) if self.bar.disable else self.bar.console.print(text)

    def planned(self, steps: int, epochs: float, seconds: float) -> None:
        """How long it takes is known."""
        self.noted(f"{steps:,} steps ({epochs:.1f} epochs), about {spoken_time(seconds)} from here")
        if self.steps is not None:
            self.bar.update(self.steps, total=steps)

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        """A training step ended."""
        for name, value in losses.items():
            if name == "gradient_norm":
                continue
            self.smooth[name] = 0.95 * self.smooth.get(name, value) + 0.05 * value
        self.rate = 0.9 * (self.rate or rate) + 0.1 * rate
        shown = " ".join(f"{name} {v:.3f}" for name, v in self.smooth.items() if "/" not in name)
        text = f"{shown} {self.rate:.0f} products/s{self.used}"
        if self.steps is None:
            self.steps = self.bar.add_task("pretrain", total=total, completed=step - 1, info="")
        self.bar.update(self.steps, completed=step, total=total, info=text)

    def speed(self, found: dict[str, float]) -> None:
        """How fast it goes: what of it says something here."""
        shown = [f"MFU {found['mfu']:.0%}"] if found["mfu"] else []
        if found["waiting"] > _MUCH:
            shown.append(f"{found['waiting']:.0%} waiting for data")
        if found["memory_gib"]:
            shown.append(f"{found['memory_gib']:.1f} GiB")
        self.used = "".join(f", {text}" for text in shown)

    def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
        """An epoch was validated."""
        metrics = validation["metrics"]
        mrr, first = metrics["macro_mrr"], metrics["macro_hits@1"]
        text = (
            f"epoch {epoch}: validation MRR {mrr:.4f}, Hits@1 {first:.4f} (means over properties)"
        )
        if self.bar.disable:
            note(text)
        else:
            self.bar.console.print(text)


def pretrain(
    source: Annotated[
        Path,
        typer.Argument(help="A snapshot, or a run config in YAML.", metavar="SNAPSHOT|CONFIG"),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="ARTIFACT",
            help="The artifact to write; default: what the config names, or models/<snapshot>.",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", min=0.1, metavar="N", help="A budget, preparation included, that is kept."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="SIZE", help="Without a config: small (default), base or paper."
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            "--hide",
            metavar="P",
            help="Without a config: never show this property to a question about another, as one "
            "that gives the answer away; may be given several times.",
        ),
    ] = None,
    overrides: OverridesOption = None,
    resume: ResumeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a model on a snapshot and write it as an artifact.

    Without a config one is chosen from the catalog's size and shape. It is printed with its
    reasons and written beside the artifact, as ARTIFACT.yaml.
    """
    from k3m_kg.config import RunConfig, load_config
    from k3m_kg.engine.environment import ProcessPlace

    place = ProcessPlace.of()
    config, changes = source, []
    if source.is_dir():
        choice = _Choice(output, minutes, size, tuple(hide or ()), tuple(overrides or ()))
        output, config = _chosen(source, choice, resume, quiet=not place.first)
    elif size is not None or hide:
        raise UsageError(
            "chooses a config, and there is one",
            where="--hide" if size is None else "--size",
            hint="set validation.hide" if size is None else "set model.hidden and the like",
        )
    elif not source.suffix and not source.exists():
        raise UsageError(
            "no such snapshot or config",
            where=str(source),
            hint="`k3m-kg snapshot DIR` cuts a snapshot of the graph; a config is a YAML file",
        )
    elif kind_of(source) == "catalog":
        raise UsageError(
            "is a catalog file, and no config or snapshot",
            where=str(source),
            hint=f"`k3m-kg ingest {source}` brings it into a graph, and `k3m-kg snapshot` cuts of "
            "that what is trained on",
        )
    if output is not None:
        changes.append(f"output={as_yaml(str(output))}")
    if minutes is not None:
        changes.append(f"training.minutes={minutes}")
    settings = load_config(RunConfig, config, [*changes, *(overrides or [])])
    guard_training(config, settings)

    from k3m_kg.manifests import read_json
    from k3m_kg.training.pretrain import pretrain as run

    try:
        with progress_bar() as bar:
            path = run(settings, resume=resume, observer=PretrainingBar(bar), began=began())
    except KeyboardInterrupt:
        if place.first:
            note("interrupted: the same command with --resume goes on from the last checkpoint")
        raise typer.Exit(1) from None
    if not place.first:
        return
    metrics = read_json(path / "metrics.json")
    if as_json:
        print_json({"artifact": str(path), **metrics})
    else:
        kept = f"; the weights after epoch {metrics['best_epoch']}" if metrics["epochs"] > 1 else ""
        note(f"artifact {path} ({metrics['steps']} steps, {metrics['seconds']:.0f} s{kept})")
        if metrics["passes"] < 1:
            note(
                f"hardly trained: the budget was over after {metrics['passes']:.0%} of one pass "
                "over the products, preparation counted in; --minutes gives it more, and what was "
                "prepared is kept beside the snapshot"
            )


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the command says of a config that is to be chosen."""

    output: Path | None
    minutes: float | None
    size: str | None
    hide: tuple[str, ...]
    overrides: tuple[str, ...]


def _chosen(source: Path, choice: _Choice, resume: bool, *, quiet: bool) -> tuple[Path, Path]:
    """The artifact and the config file of a training without a config, which is written now.

    Of several processes each writes it, as the same and whole, and one says why.

    Raises:
        UsageError, SnapshotError: it cannot be chosen or written.
    """
    from k3m_kg.config import RunConfig, validate_settings
    from k3m_kg.errors import K3MError
    from k3m_kg.files import beside, write_text
    from k3m_kg.model.compose import resolve
    from k3m_kg.plugin.registry import registry
    from k3m_kg.snapshot import Snapshot
    from k3m_kg.training.artifact.layout import MANIFEST
    from k3m_kg.training.recipe import SIZES, Shape, recipe
    from k3m_kg.training.run.folder import run_folder

    chosen = one_of("size", choice.size or "small", SIZES, "--size")
    snapshot = Snapshot.open(source)
    for name in choice.hide:
        if name not in snapshot.properties:
            raise UsageError(unknown_name("property", name, snapshot.properties), where="--hide")
    output = choice.output or Path("models") / snapshot.path.name
    run_folder(output)  # refuses what is no name of a new folder
    path = beside(output, ".yaml")
    guard("--output", path, snapshot=snapshot.path, replaces="run config")
    guard("--output", output, snapshot=snapshot.path)
    if resume and path.exists():
        return output, path
    if (output / MANIFEST).exists():
        raise UsageError(
            "an artifact is already there", where=str(output), hint="choose another --output"
        )
    if path.exists() and not _begins_as_ours(path):
        raise UsageError(
            "is there, and was not written by `k3m-kg pretrain`",
            where=str(path),
            hint=f"`k3m-kg pretrain {path}` trains by it; or choose another --output",
        )

    def installed(kind: str, name: str) -> bool:
        return not registry().find(kind, name).lacks

    found = recipe(
        Shape.of(snapshot),
        installed,
        snapshot=snapshot.path,
        output=output,
        size=chosen,  # type: ignore[arg-type]
        minutes=choice.minutes,
        hide=choice.hide,
    ).overridden(choice.overrides)
    resolve(validate_settings(RunConfig, found.settings, "--set"))
    lines = [_OURS, *(f"# {what}\n#   {why}" for what, why in found.reasons)]
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "\n".join(lines) + "\n" + as_yaml(found.settings), K3MError)
    if not quiet:
        for what, why in found.reasons:
            note(f"{what}: {why}")
        note(f"config {path}")
    return output, path


def _begins_as_ours(path: Path) -> bool:
    """Whether it is a config that `pretrain` wrote: a pipe or a device is none."""
    if not path.is_file():
        return False
    with path.open("rb") as config:
        return config.read(len(_OURS.encode())) == _OURS.encode()


def as_yaml(value: object) -> str:
    """Plain YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).removesuffix("...\n")


def spoken_time(seconds: float) -> str:
    """As a person would say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
