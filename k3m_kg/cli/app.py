"""`k3m-kg`: the application, and the one place where an error becomes an exit code."""

from __future__ import annotations

import os
import sys

import typer

from k3m_kg import __version__
from k3m_kg.cli import bugs, clock, console, encoding, streams
from k3m_kg.cli.absent import with_neighbour
from k3m_kg.cli.mixed_up import explained
from k3m_kg.cli.root import Root
from k3m_kg.errors import K3MError
from k3m_kg.extras import missing_extra

app = typer.Typer(
    name="k3m-kg",
    cls=Root,
    help="Knowledge-graph-centric multimodal pretraining for product catalogs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.say(f"k3m-kg {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the version and exit.",
    ),
) -> None:
    pass


_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""


def main() -> None:
    """Run the command line; bad input ends in one message and exit code 1 or 2, a bug in 3."""
    clock.start()
    encoding.restart_in_utf8()
    streams.occupy()
    encoding.prepare_streams()
    streams.take_over()
    console.show_log()
    console.quiet_libraries()
    try:
        code = _run()
    finally:
        streams.give_up()
    raise SystemExit(code)


def _run() -> int:
    """The exit code."""
    try:
        try:
            app()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
            if code == _INTERRUPTED:
                streams.write_message("interrupted: nothing half-done was kept\n")
                return 1
            streams.finish()
            return code
        streams.finish()
    except BrokenPipeError:  # as in `k3m-kg diff | head`: its reader has seen enough
        return 1
    except Exception as error:
        if os.environ.get("K3M_KG_TRACEBACK"):
            raise
        known = error if isinstance(error, K3MError) else _known(error)
        if known is not None:
            streams.write_message(
                f"error: {console.error_text(with_neighbour(explained(known)))}\n"
            )
            return known.exit_code
        streams.write_message(f"error: {console.visible(bugs.report(error))}\n")
        return bugs.EXIT_CODE
    return 0


def _known(error: Exception) -> K3MError | None:
    """What to say if an extra is not installed, or memory ran out."""
    if isinstance(error, MemoryError):
        return K3MError(
            "the system gives the command no more memory",
            hint="end other programs, or raise what `ulimit -v` allows",
        )
    if not isinstance(error, ModuleNotFoundError):
        return None
    return missing_extra(error, command=next(iter(sys.argv[1:]), None))
