"""`k3m-kg sources`: who says what is in the graph, in which order; and the end of a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    note_waiting,
    print_json,
    say,
    visible_line,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from k3m_kg.graph.stored import StatingSource


def sources(
    first: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="Believe these first, in this order; then the others as before.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Take back everything that this source states, as a run that `undo` takes back.",
        ),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonFlag = False,
) -> None:
    """List the sources, put them in order, or end one.

    The order decides where there is one answer: of title and category that of the first source
    that states one counts, and the pictures of all follow in it. By default it is the order in
    which they came. A source is named by its path or by the name that `ingest --source` gave it.
    """
    from k3m_kg.errors import UsageError
    from k3m_kg.graph.store import GraphStore

    if first and end is not None:
        raise UsageError("an order, and an end: one after the other", where="--end")
    changed, run = None, None
    with GraphStore.open(db) as store:
        there = store.sources()
        if first:
            names = [_name(source, there) for source in first]
            with store.writing(on_wait=note_waiting) as writer:
                changed = writer.order(names)
        if end is not None:
            name = _name(end, there)
            with store.writing(on_wait=note_waiting) as writer:
                run, counts = writer.end(name)
            if not json:
                say(
                    f"{visible_line(name, end=True)} has ended: "
                    f"{counts.products_removed:,} products removed, "
                    f"{counts.products_left:,} left to other sources"
                )
                say(f"  run {run}: `k3m-kg diff {run}` shows it, `undo` takes it back")
        there = store.sources()
    if json:
        from dataclasses import asdict

        found = {"products_changed": changed, "run": run}
        print_json({**found, "sources": [asdict(source) for source in there]})
        return
    if not there:
        note("nothing was ingested yet")
    if changed is not None:
        say(f"{changed:,} products are shown otherwise now")
    for place, source in enumerate(there, 1):
        say(
            f"{place:>3}  {visible_line(source.name, end=True)}: {source.products:,} products, "
            f"{source.shared:,} of them stated by others too; run {source.run}"
        )


def _name(given: str, there: Sequence[StatingSource]) -> str:
    """The name of a source that was given by its name, or by a path as it is written here."""
    names = [source.name for source in there]
    path = str(Path(given).resolve())
    return path if given not in names and path in names else given
