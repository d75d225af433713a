"""What the commands that use a trained model share: options, opening, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import hush, note
from k3m_kg.errors import ArtifactError, UsageError, unknown_name

if TYPE_CHECKING:
    import numpy as np
    from rich.progress import Progress, TaskID

    from k3m_kg.engine.processes import Processes
    from k3m_kg.search.kept import KeptVectors
    from k3m_kg.use.open_model import OpenModel

ArtifactArgument = Annotated[
    Path,
    typer.Argument(
        help="The artifact, a folder written by `k3m-kg pretrain` or `k3m-kg kge train`."
    ),
]
SnapshotOption = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        metavar="SNAPSHOT",
        help="A snapshot, or a folder of them; default: the one the model was trained on.",
    ),
]
SplitOption = Annotated[
    str, typer.Option(metavar="SPLIT", help="Whose products: train, validation, test or all.")
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, as training.epochs=5."),
]
ResumeFlag = Annotated[
    bool, typer.Option("--resume", help="Go on with an interrupted run, exactly.")
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="cpu, cuda, ...; auto takes a GPU where there is one.")
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="Compute in fp32 or bf16; auto: on a GPU as in training, on a CPU fp32.",
    ),
]
VectorsOption = Annotated[
    Path | None,
    typer.Option(
        "--vectors",
        metavar="FOLDER",
        help="Where the products' vectors are kept, and made where they are missing; default: "
        "ARTIFACT.vectors.",
    ),
]
BatchSizeOption = Annotated[
    int, typer.Option("--batch-size", min=1, metavar="N", help="Products in one forward pass.")
]


def share_from(low: float = 0.0, high: float = 1.0) -> Callable[[Any], float]:
    """What reads an option that is a share; one that looks like a percentage is asked back."""

    def share(value: Any) -> float:
        text = str(value).strip()
        between = f"between {low:g} and {high:g}"
        try:
            found = float(text.removesuffix("%"))
        except ValueError:
            raise typer.BadParameter(f"{text!r} is no share: a number {between}") from None
        if "%" not in text and low <= found <= high:
            return found
        meant = f"; did you mean {found / 100:g}?" if low <= found / 100 <= high else ""
        raise typer.BadParameter(f"{text} is no share {between}{meant}")

    return share


def one_of(what: str, value: str, choices: tuple[str, ...], option: str) -> str:
    """`value` itself.

    Raises:
        UsageError: it is none of the choices; names the nearest.
    """
    if value not in choices:
        raise UsageError(unknown_name(what, value, choices), where=option)
    return value


@contextmanager
def sharing() -> Iterator[Processes]:
    """The processes that `torchrun` started, each with a share of the products; only one speaks.

    Raises:
        ConfigError: they do not find each other.
    """
    from k3m_kg.engine.environment import ProcessPlace
    from k3m_kg.engine.processes import joined

    place = ProcessPlace.of()
    if not place.first:
        hush()
    with joined(place) as processes:
        yield processes


class Stages:
    """Named stages on a progress bar; each appears with its first progress."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self._tasks: dict[str, TaskID] = {}

    def total(self, stage: str, done: int, total: int | None) -> None:
        """So much of a stage is done, of so much where that is known."""
        self._task(stage, total)
        self.bar.update(self._tasks[stage], completed=done, total=total)

    def more(self, stage: str, count: int, total: int | None = None) -> None:
        """So much more of a stage is done."""
        self._task(stage, total)
        self.bar.advance(self._tasks[stage], count)

    def _task(self, stage: str, total: int | None) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self.bar.add_task(stage, total=total, info="")


def open_with_progress(
    artifact: Path,
    snapshot: Path | None,
    device: str,
    stages: Stages,
    *,
    precision: str = "auto",
    ranks: bool = True,
) -> OpenModel:
    """The model and the snapshot, with progress while pictures are prepared.

    Raises:
        K3MError: what cannot be opened or used.
    """
    from k3m_kg.use.open_model import open_model

    return open_model(
        artifact,
        snapshot,
        device=device,
        precision=precision,
        ranks=ranks,
        progress=lambda done, total: stages.total("prepare pictures", done, total),
    )


def kept_with_progress(
    opened: OpenModel, vectors: Path | None, stages: Stages, batch_size: int
) -> KeptVectors:
    """The products' vectors in their folder, made or brought up to date where they are not.

    Raises:
        K3MError: the folder holds something else, or cannot be written.
    """
    from k3m_kg.search.kept import brought_up_to_date, kept_beside
    from k3m_kg.search.nearest import WORTH

    folder = vectors or kept_beside(opened.trained.path)
    found = brought_up_to_date(
        folder,
        opened,
        batch_size=batch_size,
        progress=lambda count: stages.more("embed", count),
    )
    count, told = len(found.vectors_NH), found.told
    if told.made:
        index = ""
        if told.added is not None:
            index = f"; the index got {told.added:,} and lost {told.removed:,}"
        note(f"{told.made:,} of {count:,} vectors made in {folder}{index}")
    if found.nearest.exact and count >= WORTH:
        note(
            f"{count:,} vectors are compared one by one: `pip install 'k3m-kg[search]'` brings an "
            "index"
        )
    return found


def note_unknown(opened: OpenModel, rows: np.ndarray) -> None:
    """Say how many products a model that looks them up has never seen."""
    if count := opened.unknown(rows):
        note(
            f"{count:,} of {len(rows):,} products are unknown to this model, which looks products "
            "up: they have the mean vector of those it knows"
        )


def note_verdict(opened: OpenModel, *what: str, options: str = "") -> None:
    """Say that a model is behind simple ones, or that nobody asked.

    Args:
        what: only what was found of these, as `Verdict.what`.
        options: of `evaluate`, for asking the first of them.
    """
    from k3m_kg.use.calibration.verdicts import load_verdicts

    try:
        found = load_verdicts(opened.trained)
    except ArtifactError as error:
        note(f"what this model is worth cannot be read: {error.where} {error.message}")
        return
    said = [] if found is None else found.said()
    if what:
        said = [verdict for verdict in said if verdict.what in what]
    if not said:
        command = f"k3m-kg evaluate {opened.trained.path} {options}".rstrip()
        asked = f"evaluated on {what[0]}" if what else "evaluated"
        note(f"this model was never {asked}: `{command}` compares it with simple ones")
        return
    behind = [verdict.line() for verdict in said if verdict.outcome == "behind"]
    if behind:
        note(f"a simple model is better: {'; '.join(behind)}")
