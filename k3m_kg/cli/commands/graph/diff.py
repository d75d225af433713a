"""`k3m-kg diff` and what it shares with a dry run: what an ingest changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    say,
    visible_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from k3m_kg.graph.stored import Run, SubjectDiff

_SHOWN_TEXT = 80


def diff(
    run: Annotated[
        int | None,
        typer.Argument(
            metavar="[RUN]",
            help="Number of an ingest, of written proposals or of a decision.  "
            "[default: the newest that holds]",
            show_default=False,
        ),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="Show at most N products; 0 shows all.")
    ] = 20,
    runs: Annotated[
        bool,
        typer.Option(
            "--runs", help="List the newest runs instead, --limit of them: what and when."
        ),
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Show what a run changed, product by product.

    Exact also when later runs changed the same products again. `undo` takes a run back. Of a
    decision, `x` is a value that was rejected, `=` one that a source states and that is right.
    """
    from itertools import islice

    from k3m_kg.errors import GraphError, UsageError
    from k3m_kg.graph.store import GraphStore

    if runs and run is not None:
        raise UsageError("lists all runs; without it, one is shown", where="--runs")
    with GraphStore.open(db) as store:
        if runs:
            _list_runs(store.runs(), limit, as_json=json)
            return
        if run is None:
            runs_there = store.runs()
            if not runs_there:
                raise GraphError("nothing was ingested yet", where=store.url)
            holding = (one.id for one in runs_there if one.undone_at is None)
            run = next(holding, None)
            if run is None:
                raise GraphError("every run was undone: nothing is in the graph", where=store.url)
        found = store.run(run)
        changes = store.diff(run)
        shown = list(islice(changes, limit or None))
        more = sum(1 for _ in changes)
    if json:
        print_json({**run_as_json(found), "changes": as_json(shown), "more": more})
        return
    say(_headline(found))
    print_changes(shown)
    if more:
        note(f"... and {more:,} more; --limit 0 shows all")


def _list_runs(runs: Sequence[Run], limit: int, *, as_json: bool) -> None:
    """The newest runs, each on a line."""
    shown = runs[: limit or None]
    more = len(runs) - len(shown)
    if as_json:
        print_json({"runs": [run_as_json(one) for one in shown], "more": more})
        return
    for one in shown:
        say(_headline(one) + (f"; UNDONE {one.undone_at}" if one.undone_at else ""))
    if not shown:
        note("nothing was ingested yet")
    if more:
        note(f"... and {more:,} older ones; --limit 0 lists all")


def run_as_json(run: Run) -> dict[str, object]:
    """A run as one flat object."""
    from dataclasses import asdict

    found = asdict(run)
    counts = found.pop("counts")
    return {"run": found.pop("id"), **found, **counts}


def as_json(changes: Iterable[SubjectDiff]) -> list[dict[str, object]]:
    """Changes, with what stayed left out."""
    from dataclasses import asdict

    return [
        {key: value for key, value in asdict(change).items() if value not in (None, ())}
        for change in changes
    ]


def print_changes(changes: Iterable[SubjectDiff]) -> None:
    """Each product on a line, and what became of it below."""
    for change in changes:
        kind = "" if change.kind == "product" else f"{change.kind} "
        say(f"{change.change:9} {kind}{_short(change.name)}")
        for name, pair in (("title", change.title), ("category", change.category)):
            if pair is not None:
                say(f"          {name}: {_short(pair[0])} -> {_short(pair[1])}")
        for sign, pairs in (
            ("-", change.triples_removed),
            ("+", change.triples_added),
            ("x", change.triples_rejected),
            ("=", change.triples_confirmed),
        ):
            for name, value in pairs:
                say(f"        {sign} {_short(name)}: {_short(value)}")
        if change.images is not None:
            before, after = (", ".join(map(_short, names)) or "none" for names in change.images)
            say(f"          images: {before} -> {after}")


def _headline(run: Run) -> str:
    counts = run.counts
    what = {"proposal": "proposals", "end": "end", "decision": f"decision ({run.format})"}.get(
        run.kind, f"ingest ({run.format})"
    )
    return (
        f"run {run.id}, {what} of {run.source}, finished {run.finished_at}: "
        f"{counts.products_added:,} products added, {counts.products_updated:,} updated, "
        f"{counts.products_removed:,} removed; "
        f"triples: {counts.triples_added:,} added, {counts.triples_removed:,} removed"
    )


def _short(text: str | None) -> str:
    return "none" if text is None else visible_line(text, _SHOWN_TEXT)
