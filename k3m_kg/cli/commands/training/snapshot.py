"""`k3m-kg snapshot`: cut the graph into what a training machine needs, and examine a cut."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    progress_bar,
    say,
)
from k3m_kg.cli.outputs import guard
from k3m_kg.cli.using import Stages, share_from

if TYPE_CHECKING:
    from k3m_kg.snapshot import BuiltSnapshot, SnapshotSettings


class _CutUnlessNamed(TyperGroup):
    """What names no sub-command is what `cut` is given: `k3m-kg snapshot OUT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["cut", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_CutUnlessNamed,
    help="Immutable cuts of the graph for training. `k3m-kg snapshot OUT` is `snapshot cut OUT`.",
    rich_markup_mode=None,
)


@app.command()
def cut(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder of snapshots; made if need be.")
    ],
    db: DatabaseOption = DEFAULT_DATABASE,
    split_file: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Columns id and split (train, validation, test); default: a grouped split.",
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            parser=share_from(0, 0.99),
            metavar="SHARE",
            help="Share of the products for validation. [default: 0.1]",
        ),
    ] = None,
    test: Annotated[
        float | None,
        typer.Option(
            parser=share_from(0, 0.99),
            metavar="SHARE",
            help="Share of the products for test. [default: 0.1]",
        ),
    ] = None,
    holdout: Annotated[
        float,
        typer.Option(
            parser=share_from(0, 0.99),
            metavar="SHARE",
            help="Share of train triples hidden for evaluation.",
        ),
    ] = 0.05,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another split.")] = 0,
    category: Annotated[
        bool,
        typer.Option(
            "--category/--no-category",
            help="Make each product's category a triple too, so that it is learned.",
        ),
    ] = True,
    image_size: Annotated[
        int, typer.Option(metavar="PX", help="Longest side of a stored picture.")
    ] = 256,
    placeholders: Annotated[
        bool,
        typer.Option(
            "--placeholders",
            help="Keep values that say nothing, such as n/a, - and unknown: models learn them.",
        ),
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Cut the graph into an immutable snapshot with train, validation and test products.

    The new snapshot is OUT/NAME, named by its content; OUT/latest names the newest. Products
    that share a title or a picture always go to the same side.
    """
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.snapshot import build_snapshot

    settings = _settings(
        split_file=split_file,
        validation=validation,
        test=test,
        holdout=holdout,
        seed=seed,
        category=category,
        image_size=image_size,
        placeholders=placeholders,
    )
    # OUT itself, and what would come to lie in it: it may be a snapshot or an artifact.
    for place in (out, out / "new"):
        guard("OUT", place, db=db, files=[("the split file", split_file)])
    start = time.monotonic()
    with GraphStore.open(db) as store, progress_bar(disable=json_output) as bar:
        stages: dict[str, Any] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage, total=total, info="")
            bar.update(stages[stage], completed=done, total=total)

        built = build_snapshot(store, out, settings, progress=show)
    seconds = time.monotonic() - start
    for item in built.notes:
        examples = ", ".join(item.get("products", ()))
        note(f"note: {item['message']}{f' (products {examples})' if examples else ''}")
    report = _report(built, seconds)
    if json_output:
        print_json(report)
    else:
        _print(report)


@app.command()
def verify(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A snapshot, or a folder of snapshots.")
    ],
    json_output: JsonFlag = False,
) -> None:
    """Read a whole snapshot, and say whether it is what was written.

    Contents are compared with their hashes, and every column is checked to point only to what is
    there. The first opening of a snapshot on a machine does this by itself.
    """
    from k3m_kg.snapshot import Snapshot

    start = time.monotonic()
    opened = Snapshot.examine(path)
    report = {
        "id": opened.id,
        "path": str(opened.path),
        "files": len(opened.manifest["files"]),
        "bytes": sum(item["bytes"] for item in opened.manifest["files"].values()),
        "seconds": round(time.monotonic() - start, 2),
    }
    if json_output:
        print_json(report)
    else:
        say(
            f"snapshot {report['path']} is whole: {report['files']} files, "
            f"{report['bytes'] / 1e6:,.1f} MB in {report['seconds']:.1f} s"
        )


@app.command()
def export(
    path: Annotated[
        Path, typer.Argument(metavar="SNAPSHOT", help="A snapshot, or a folder of snapshots.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder to write; an earlier export goes.")
    ],
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Write the stored pictures too, as PNG.")
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Write a snapshot's split and tables as Parquet, for a baseline of your own.

    OUT/products.parquet has id, title, category and split; triples.parquet product, property,
    value, split and holdout (known, or held out for validation or test); links.parquet the triples
    between products, facts.parquet those of values; images.parquet product, position, hash and the
    file that --pictures writes.
    """
    from k3m_kg.snapshot import Snapshot
    from k3m_kg.snapshot.export import export_snapshot

    for place in (out, out / "export.json"):
        guard("OUT", place, snapshot=path)
    opened = Snapshot.open(path)
    with progress_bar(disable=json_output) as bar:
        stages = Stages(bar)
        counts = export_snapshot(opened, out, pictures=pictures, progress=stages.total)
    if json_output:
        print_json({"snapshot": opened.id, "path": str(out), **counts})
    else:
        shown = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        say(f"{shown} in {out}")


def _settings(**given: Any) -> SnapshotSettings:
    from k3m_kg.config import validate_settings
    from k3m_kg.errors import UsageError
    from k3m_kg.snapshot import SnapshotSettings

    chosen = {name: value for name, value in given.items() if value is not None}
    if "split_file" in chosen and ("validation" in chosen or "test" in chosen):
        raise UsageError(
            "--split-file says where each product goes: --validation and --test have no meaning",
            hint="leave the shares out, or leave --split-file out for a grouped split",
        )
    return validate_settings(SnapshotSettings, chosen, "snapshot")


def _report(built: BuiltSnapshot, seconds: float) -> dict[str, Any]:
    manifest = built.snapshot.manifest
    return {
        "id": built.snapshot.id,
        "path": str(built.snapshot.path),
        "written": built.written,
        **manifest["counts"],
        "bytes": sum(item["bytes"] for item in manifest["files"].values()),
        "seconds": round(seconds, 2),
        "notes": built.notes,
    }


def _print(report: dict[str, Any]) -> None:
    split = report["split"]
    kinds = (report["holdout"], report["link_holdout"])
    validation, test = (sum(kind[name] for kind in kinds) for name in ("validation", "test"))
    say(
        f"{report['products']:,} products, {report['triples']:,} triples "
        f"({report['properties']:,} properties, {report['values']:,} values), "
        f"{report['images']:,} images ({report['thumbnails']:,} distinct)"
    )
    if report["links"] or report["facts"]:
        say(f"{report['links']:,} triples between products, {report['facts']:,} of values")
    say(
        f"train {split['train']:,}, validation {split['validation']:,}, test {split['test']:,}; "
        f"{validation:,} + {test:,} triples of train held out"
    )
    where = f"{report['path']} ({report['bytes'] / 1e6:,.1f} MB)"
    if report["written"]:
        say(f"snapshot {where} in {report['seconds']:.1f} s")
    else:
        say(f"snapshot {where} was there already: nothing changed, nothing rewritten")
