"""What every command shares: where output goes, progress bars, and how errors end."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.streams import output_error, write_message, write_output
from k3m_kg.errors import K3MError, MappingNeeded

if TYPE_CHECKING:
    from rich.console import Console
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
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_LONGEST_PART = 1000
"""Characters of a message, of a place or of a hint; a list of choices is shorter."""
_LONGEST_ADVICE = 4000
"""Where three products are shown with it."""
_LONGEST_MAPPING = 50_000
DEFAULT_DATABASE = "sqlite:///k3m-kg.db"


def print_json(value: Any) -> None:
    """One JSON document on standard output; what is not finite is null there."""
    text = json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False)
    # The same value, in letters that cannot steer a terminal.
    write_output(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


_hushed = False


def hush() -> None:
    """From here on notes are another process's to give; errors are still told."""
    global _hushed
    _hushed = True


def note(text: str) -> None:
    """A message for the person at the terminal: standard error."""
    if not _hushed:
        write_message(visible(text) + "\n")


class Notes(logging.Handler):
    """What the parts below have to say to the person at the terminal: warnings of the log."""

    def emit(self, record: logging.LogRecord) -> None:
        """As a note."""
        note(f"{record.levelname.lower()}: {_bounded(record.getMessage())}")


def show_log() -> None:
    """Show the package's warnings as notes, once."""
    log = logging.getLogger("k3m_kg")
    if not any(isinstance(handler, Notes) for handler in log.handlers):
        log.addHandler(Notes(logging.WARNING))


def quiet_libraries() -> None:
    """What libraries warn their programmers of is nothing for the person at the terminal.

    `python -W default` or `PYTHONWARNINGS` brings it back, as does `K3M_KG_TRACEBACK`.
    """
    if not sys.warnoptions and not os.environ.get("K3M_KG_TRACEBACK"):
        warnings.simplefilter("ignore")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def say(text: str, *, end: str = "\n") -> None:
    """A line of the result: standard output, with what could steer a terminal shown escaped.

    Raises:
        OutputError: standard output cannot be written.
    """
    write_output(visible(text) + end)


def say_data(text: str) -> None:
    """A result in a format of others, such as Turtle: exact in a file or pipe.

    Raises:
        OutputError: standard output cannot be written.
    """
    write_output(visible(text) if sys.stdout.isatty() else text)


def visible(text: str) -> str:
    """The text for a terminal: what could steer it is shown as an escape, as in `\\x1b`.

    These are the control characters but line end and tab, those that turn the direction of
    writing, odd line ends, and halves of characters. Texts of catalogs, file names and messages
    of errors hold them.
    """
    return _STEERING.sub(_escape, text)


def visible_line(text: str, longest: int = 80, *, end: bool = False) -> str:
    """`visible`, on one line and cut.

    Args:
        end: the end is what matters, as of paths: they are cut at their beginning.
    """
    shown = visible(text).replace("\n", "\\n").replace("\t", "\\t")
    if len(shown) <= longest:
        return shown
    return f"…{shown[1 - longest :]}" if end else f"{shown[: longest - 1]}…"


def error_text(error: K3MError) -> str:
    """What is said of an error, with a bound on each part of it."""
    where = None if error.where is None else _bounded(error.where)
    hint = None if error.hint is None else _bounded(error.hint)
    if isinstance(error, MappingNeeded):  # it is there to be saved: a part of it is of no use
        hint = f"{_bounded(error.advice, _LONGEST_ADVICE)}\n\n{_whole_lines(error.mapping)}"
    return visible(str(K3MError(_bounded(error.message), where=where, hint=hint)))


def _whole_lines(mapping: str) -> str:
    """A mapping, whole up to a bound; said where it goes on."""
    if len(mapping) <= _LONGEST_MAPPING:
        return mapping
    shown = mapping[:_LONGEST_MAPPING].rpartition("\n")[0]
    more = len(mapping[len(shown) :].strip("\n").split("\n"))
    return (
        f"{shown}\n# NOT WHOLE, {more:,} more lines: --accept writes all of it, if it names an id"
    )


def _bounded(text: str, longest: int = _LONGEST_PART) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


@contextmanager
def terminal() -> Iterator[Console]:
    """A rich console on standard output, for tables. Its texts have to be `visible` already.

    Raises:
        OutputError: standard output cannot be written.
    """
    from rich.console import Console

    try:
        yield Console(markup=False, highlight=False, emoji=False)
    except OSError as error:
        raise output_error(error) from None


def note_waiting() -> None:
    """Say why nothing happens while another process writes."""
    note("waiting for another process that writes to this database")


@contextmanager
def progress_bar(*, disable: bool = False, beating: bool = False) -> Iterator[Progress]:
    """A rich progress bar on standard error; where that is no terminal, a line now and then.

    Args:
        disable: say nothing.
        beating: a line every half minute even where the work says nothing of itself meanwhile.
    """
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
    if not disable and not console.is_terminal:
        from k3m_kg.cli.told_progress import ToldProgress

        told = ToldProgress(time.monotonic, note)
        with told.beating() if beating else nullcontext():
            yield told
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[info]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=disable,
    ) as progress:
        yield progress
