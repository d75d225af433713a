"""`k3m-kg`: the application, and the one place where an error becomes an exit code."""

from __future__ import annotations

import os
import sys

import typer

from k3m_kg import __version__
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
        print(f"k3m-kg {__version__}")
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
    """Run the command line; bad input ends in one message and exit code 1 or 2."""
    try:
        app()
    except K3MError as error:
        if os.environ.get("K3M_KG_TRACEBACK"):
            raise
        raise _ended_by(error) from None
    except ModuleNotFoundError as error:
        missing = missing_extra(error, command=next(iter(sys.argv[1:]), None))
        if missing is None or os.environ.get("K3M_KG_TRACEBACK"):
            raise
        raise _ended_by(missing) from None
    except SystemExit as stop:
        if stop.code != _INTERRUPTED:
            raise
        sys.stderr.write("interrupted: nothing half-done was kept\n")
        raise SystemExit(1) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None


def _ended_by(error: K3MError) -> SystemExit:
    sys.stderr.write(f"error: {error}\n")
    return SystemExit(error.exit_code)
