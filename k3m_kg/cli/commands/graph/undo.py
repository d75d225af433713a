"""`k3m-kg undo`: take an ingest, or what a model proposed, back."""

from __future__ import annotations

from typing import Annotated

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note_waiting,
    print_json,
    say,
)


def undo(
    run: Annotated[
        int,
        typer.Argument(
            metavar="RUN",
            help="Number of the run, as `ingest` and `diff` print it.",
            show_default=False,
        ),
    ],
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonFlag = False,
) -> None:
    """Take a run back: the graph is then as if it had never been.

    What its source stated before comes back; what other sources state stays. Refused while later
    runs of the same source hold that changed something; those are named and have to be undone
    first. All of it happens in one transaction.
    """
    from dataclasses import asdict

    from k3m_kg.graph.store import GraphStore

    with GraphStore.open(db) as store, store.writing(on_wait=note_waiting) as writer:
        undone = writer.undo(run)
    if json:
        print_json(asdict(undone))
        return
    say(
        f"run {undone.run} undone: {undone.products_removed:,} products removed, "
        f"{undone.products_restored:,} restored; triples: {undone.triples_added:,} added, "
        f"{undone.triples_removed:,} removed"
    )
    if undone.idle:
        say(f"with it: {', '.join(map(str, undone.idle))}, which had found nothing new")
