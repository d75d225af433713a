"""`k3m-kg`: the application, and the one place where an error becomes an exit code."""

from __future__ import annotations

import os
import sys

import typer

from k3m_kg import __version__
from k3m_kg.cli.audit import audit
from k3m_kg.cli.complete import complete
from k3m_kg.cli.demo import demo
from k3m_kg.cli.diff import diff
from k3m_kg.cli.embed import embed
from k3m_kg.cli.evaluate import evaluate
from k3m_kg.cli.export import export
from k3m_kg.cli.ingest import ingest
from k3m_kg.cli.init import init
from k3m_kg.cli.kge import app as kge_app
from k3m_kg.cli.migrate import migrate
from k3m_kg.cli.plugins import app as plugins_app
from k3m_kg.cli.pretrain import pretrain
from k3m_kg.cli.snapshot import app as snapshot_app
from k3m_kg.cli.sparql import sparql
from k3m_kg.cli.status import status
from k3m_kg.cli.undo import undo
from k3m_kg.cli.validate import validate
from k3m_kg.errors import K3MError

app = typer.Typer(
    name="k3m-kg",
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


app.command()(init)
app.command()(migrate)
app.command()(ingest)
app.command()(status)
app.command()(diff)
app.command()(undo)
app.command()(validate)
app.command()(export)
app.command()(sparql)
app.add_typer(snapshot_app, name="snapshot")
app.command()(pretrain)
app.command()(evaluate)
app.command()(embed)
app.command()(complete)
app.command()(audit)
app.command()(demo)
app.add_typer(kge_app, name="kge")
app.add_typer(plugins_app, name="plugins")


_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""


def main() -> None:
    """Run the command line; bad input ends in one message and exit code 1 or 2."""
    try:
        app()
    except K3MError as error:
        if os.environ.get("K3M_KG_TRACEBACK"):
            raise
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None
    except SystemExit as stop:
        if stop.code != _INTERRUPTED:
            raise
        sys.stderr.write("interrupted: nothing half-done was kept\n")
        raise SystemExit(1) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
