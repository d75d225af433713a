"""`k3m-kg kge`: embeddings of a graph's entities and relations, learnt from triples."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, progress_bar, say
from k3m_kg.cli.outputs import guard_training
from k3m_kg.cli.using import DeviceOption, OverridesOption, ResumeFlag, one_of

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

app = typer.Typer(
    help="Knowledge graph embeddings: any PyKEEN interaction, trained on triples.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_QUIET_SECONDS = 30.0
"""Without a terminal, one line of progress at most this often."""


class KgeBar:
    """Draws a run on a progress bar, or writes a line now and then where there is no terminal."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task: TaskID | None = None
        self.spoke = time.monotonic()

    def step(self, done: int, total: int, loss: float, rate: float) -> None:
        """A training step ended."""
        text = f"loss {loss:.4f} {rate:,.0f} positives/s"
        if self.task is None:
            self.task = self.bar.add_task("train", total=total, info="")
        self.bar.update(self.task, completed=done, info=text)
        if self.bar.disable and time.monotonic() - self.spoke > _QUIET_SECONDS:
            self.spoke = time.monotonic()
            note(f"{done:,} of {total:,} {text}")

    def validation(self, epoch: int, metrics: dict[str, float]) -> None:
        """An epoch was validated."""
        text = (
            f"epoch {epoch}: validation MRR {metrics['mrr']:.4f}, Hits@10 {metrics['hits@10']:.4f}"
        )
        if self.bar.disable:
            note(text)
        else:
            self.bar.console.print(text)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="The config, a YAML file.", metavar="CONFIG")],
    overrides: OverridesOption = None,
    resume: ResumeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train embeddings on a snapshot or on triple files and write the artifact of the config."""
    from k3m_kg.config import load_config
    from k3m_kg.kge.settings import KgeConfig

    settings = load_config(KgeConfig, config, overrides)
    guard_training(config, settings)

    from k3m_kg.kge.training import train as run
    from k3m_kg.manifests import read_json

    try:
        with progress_bar() as bar:
            path = run(settings, resume=resume, observer=KgeBar(bar))
    except KeyboardInterrupt:
        note("interrupted: the same command with --resume goes on from the last epoch")
        raise typer.Exit(1) from None
    metrics = read_json(path / "metrics.json")
    if as_json:
        print_json({"artifact": str(path), **metrics})
        return
    note(f"artifact {path} ({metrics['epochs']} epochs, {metrics['seconds']:.0f} s)")
    _print(metrics["test"])


@app.command()
def evaluate(
    artifact: Annotated[
        Path, typer.Argument(help="The artifact, a folder written by `k3m-kg kge train`.")
    ],
    split: Annotated[str, typer.Option(metavar="SPLIT", help="test or validation.")] = "test",
    triples: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of train, validation and test triples. [default: as in training]",
        ),
    ] = None,
    snapshot: Annotated[
        Path | None,
        typer.Option(metavar="SNAPSHOT", help="A snapshot. [default: as in training]"),
    ] = None,
    typed: Annotated[
        bool,
        typer.Option("--typed", help="Rank only what the relation takes on that side in training."),
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonFlag = False,
) -> None:
    """Rank heads and tails of held-out triples: filtered, by relation, with a leakage check."""
    one_of("split", split, ("validation", "test"), "--split")
    from k3m_kg.engine.device import pick_device
    from k3m_kg.kge.artifact import KgeArtifact
    from k3m_kg.kge.data import load_data, relabelled
    from k3m_kg.kge.report import evaluate_triples
    from k3m_kg.kge.settings import DataSettings

    model = KgeArtifact.load(artifact, pick_device(device))
    source: dict[str, Any] = {}
    if triples is not None:
        source = {"triples": DataSettings(folder=triples), "snapshot": None}
    if snapshot is not None:
        source = {"triples": None, "snapshot": snapshot}
    data = load_data(model.config.model_copy(update=source))
    same = data.id == model.record["data"]
    data = relabelled(data, model.entities, model.relations)
    with progress_bar(disable=as_json) as bar:
        task = bar.add_task("rank", total=2 * len(getattr(data, split)), info="")
        report = evaluate_triples(
            model.model.vectors(),
            data,
            split,
            typed=typed,
            progress=lambda count: bar.advance(task, count),
        )
    report["same_data_as_in_training"] = same
    if as_json:
        print_json(report)
    else:
        _print(report)


def _print(report: dict[str, Any]) -> None:
    leaking = report["leakage"]
    for text in report.get("notes", ()):
        say(f"note: {text}")
    say(
        f"link prediction on {report['triples']:,} {report['split']} triples, filtered, "
        f"{report['candidates']}; {leaking['triples']:,} are given away by other relations"
    )
    say(f"{'':22} {'MRR':>7} {'Hits@1':>7} {'Hits@3':>7} {'Hits@10':>8} {'MR':>9} {'AMRI':>7}")
    rows = [
        ("both sides", report["metrics"]),
        ("heads", report["head"]),
        ("tails", report["tail"]),
        ("optimistic", report["optimistic"]),
        ("pessimistic", report["pessimistic"]),
        ("without what leaks", leaking["metrics_without"]),
    ]
    for name, row in rows:
        say(
            f"{name:22} {row['mrr']:7.4f} {row['hits@1']:7.4f} {row['hits@3']:7.4f} "
            f"{row['hits@10']:8.4f} {row['mr']:9.1f} {row.get('amri', float('nan')):7.4f}"
        )
    macro = report["metrics"]
    say(
        f"{'mean over relations':22} {macro['macro_mrr']:7.4f} {macro['macro_hits@1']:7.4f} "
        f"{macro['macro_hits@3']:7.4f} {macro['macro_hits@10']:8.4f} {macro['macro_mr']:9.1f} "
        f"{macro['macro_amri']:7.4f}"
    )
