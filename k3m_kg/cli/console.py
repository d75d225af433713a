"""What every command shares: where output goes, progress bars, and how errors end."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

JsonFlag = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on standard output, nothing else there."),
]
DatabaseOption = Annotated[
    str,
    typer.Option(
        "--db", envvar="K3M_KG_DB", help="Database URL.", metavar="URL", show_default=True
    ),
]
DEFAULT_DATABASE = "sqlite:///k3m-kg.db"


def print_json(value: Any) -> None:
    """One JSON document on standard output; what is not finite is null there."""
    text = json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write(text + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def note(text: str) -> None:
    """A message for the person at the terminal: standard error."""
    sys.stderr.write(text + "\n")


def note_waiting() -> None:
    """Say why nothing happens while another process writes."""
    note("waiting for another process that writes to this database")


@contextmanager
def progress_bar(*, disable: bool = False) -> Iterator[Progress]:
    """A rich progress bar on standard error; silent where that is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[info]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=disable or not console.is_terminal,
    ) as progress:
        yield progress
