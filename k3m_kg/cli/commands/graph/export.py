"""`k3m-kg export`: the graph as RDF or as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    progress_bar,
    say,
)
from k3m_kg.cli.outputs import guard, guard_sources
from k3m_kg.errors import UsageError


def export(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file, for parquet and csv the folder; - is standard output.",
            show_default=False,
        ),
    ],
    db: DatabaseOption = DEFAULT_DATABASE,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="nt, nq, ttl, trig, rdfxml, jsonld, parquet or csv.  [default: by OUT's suffix]",
        ),
    ] = None,
    spreadsheet: Annotated[
        bool,
        typer.Option(
            "--spreadsheet",
            help="Of csv, to open it in Excel: what that would run begins with an apostrophe; "
            "`ingest` then reads another text.",
        ),
    ] = False,
    as_: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Not the whole graph but what changed since --changes-since, as the import file "
            "of the software that the products came from: shopify, woocommerce, bigcommerce, "
            "prestashop, magento, akeneo, google-merchant (or google), csv, or what a plugin "
            "writes.",
            show_default=False,
        ),
    ] = None,
    changes_since: Annotated[
        int | None,
        typer.Option(
            metavar="RUN",
            help="With --as: what the runs after this one changed; 0 is before the first one.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --as: the catalog file that goes back.  [default: the only one of this "
            "format]",
            show_default=False,
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --as csv: the mapping it was read by.", show_default=False
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="With --as: a setting of the format, as at `ingest`.  [repeatable]",
        ),
    ] = None,
    decisions: Annotated[
        bool,
        typer.Option(
            "--decisions",
            help="Not the graph but what people decided about it, as N-Triples (PROV-O).",
        ),
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Write the whole graph as RDF, or as tables of products, triples and images.

    A name that ends in .gz or .zst is compressed. The output is complete or not there at all.

    With --as, only what changed: changed products, changed columns, ids and formats as they came.

    With --decisions, who said when of which triple that it is right or wrong.
    """
    if decisions:
        if as_ is not None or spreadsheet:
            raise UsageError("is written as N-Triples alone", where="--decisions")
        _write_decisions(out, format, db, json)
        return
    if as_ is not None:
        _write_back(out, as_, changes_since, source, mapping, settings or [], db, spreadsheet, json)
        return
    for name, given in (
        ("--changes-since", changes_since), ("--source", source), ("--mapping", mapping),
        ("--set", settings or None),
    ):  # fmt: skip
        if given is not None:
            raise UsageError("goes with --as, which says for which software", where=name)
    from dataclasses import asdict

    from k3m_kg.graph.store import GraphStore
    from k3m_kg.rdf.export import export as write
    from k3m_kg.rdf.export import files_of, format_of
    from k3m_kg.rdf.output import STDOUT

    chosen = format_of(out, format)
    if json and out == STDOUT:
        raise UsageError("--json and OUT - both want standard output", hint="name a file")
    if spreadsheet and chosen != "csv":
        raise UsageError("--spreadsheet is for csv", where=f"--format {chosen}")
    guard("OUT", out, db=db)
    with GraphStore.open(db) as store, progress_bar(disable=json) as bar:
        guard_sources("OUT", out, store, files_of(chosen))
        task = bar.add_task("export", total=None, info="products and values")
        report = write(
            store,
            out,
            chosen,
            lambda done: bar.update(task, completed=done),
            spreadsheet=spreadsheet,
        )
    if json:
        print_json(asdict(report))
        return
    size = "" if report.bytes is None else f" ({report.bytes / 1e6:,.1f} MB)"
    summary = (
        f"{report.path}{size}: {report.products:,} products, {report.triples:,} triples "
        f"in {report.seconds:.1f} s"
    )
    note(summary) if out == STDOUT else say(summary)


_SAME = {"google": "google-merchant"}


def _write_back(
    out: Path,
    format: str,
    since: int | None,
    source: Path | None,
    mapping: Path | None,
    settings: list[str],
    db: str,
    spreadsheet: bool,
    json: bool,
) -> None:
    """What changed, for the software of a format."""
    from contextlib import suppress
    from dataclasses import asdict

    from k3m_kg.errors import K3MError, unknown_name
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.plugin.hookspecs import ReaderPlugin
    from k3m_kg.rdf.output import STDOUT
    from k3m_kg.readers.choosing import choose_reader
    from k3m_kg.writeback.changes import changes_since
    from k3m_kg.writeback.writing import formats_written, source_of, sources_told, write_changes

    format = _SAME.get(format, format)
    _check_name(out)
    if format not in (known := formats_written()):
        told = None
        with suppress(K3MError), GraphStore.open(db) as store:
            told = sources_told(store)
        raise UsageError(unknown_name("format", format, known), where="--as", hint=told)
    if since is None or since < 0:
        raise UsageError(
            "--changes-since says from which run on, by its number or 0",
            where=f"--as {format}",
            hint="`k3m-kg diff --runs` lists the runs",
        )
    if json and out == STDOUT:
        raise UsageError("--json and OUT - both want standard output", hint="name a file")
    with GraphStore.open(db) as store:
        source = source_of(store, format, source)
        if mapping is None:  # the one that `ingest --accept` kept, if it did
            kept = f"{source.name}.mapping.yaml"
            places = (Path(kept), source.with_name(kept))
            mapping = next((place for place in places if place.is_file()), None)
        elif not mapping.exists():
            raise UsageError(f"{mapping}: no such file", where="--mapping")
        guard("OUT", out, db=db, files=[("the source", source), ("the mapping", mapping)])
        guard_sources("OUT", out, store)
        chosen = choose_reader(source, format, settings)
        assert isinstance(chosen.record, ReaderPlugin)
        assert chosen.record.changes is not None
        changes = changes_since(store, since, format)
        writer = chosen.record.changes(chosen.settings)
        takes = mapping if chosen.record.takes_mapping else None
        report = write_changes(
            out, format, writer, source, takes, changes.products, spreadsheet=spreadsheet
        )
    tell = note if out == STDOUT else say
    if json:
        print_json({**asdict(report), "removed": changes.removed, "decided": changes.decided})
        return
    changed = sum(change.since for change in changes.products.values())
    if not report.rows:
        why = "nothing changed" if not changed else "no change of this source can be written"
        tell(f"{report.path}: {why} since run {since}: only the header was written")
    else:
        tell(
            f"{report.path}: {report.rows:,} rows, {report.products:,} of them changed, of "
            f"{changed:,} products that changed since run {since}; columns: "
            f"{', '.join(report.columns) or 'none'}"
        )
    for item in report.unwritten[:_SHOWN]:
        note(f"not written: {item.what} of {item.product}: {item.why}")
    if len(report.unwritten) > _SHOWN:
        note(f"... and {len(report.unwritten) - _SHOWN:,} more; --json lists them")
    if rest := changed - report.products:
        note(
            f"{rest:,} of the products that changed have no row: this source does not state them, "
            "or nothing of them can be written"
        )
    if changes.decided:
        note(
            f"{len(changes.decided):,} more products have decisions that change nothing: values "
            "that were only proposed were rejected, or stated ones confirmed"
        )
    if changes.removed:
        note(f"{len(changes.removed):,} products are gone, which this file does not say")


_SHOWN = 20
_OF_OTHERS = {
    ".json", ".jsonl", ".ndjson", ".xml", ".xlsx", ".xlsm", ".xls", ".ods", ".parquet", ".yaml",
    ".nt", ".nq", ".ttl", ".trig", ".rdf", ".jsonld", ".db", ".zip",
}  # fmt: skip


def _check_name(out: Path) -> None:
    """See that a name does not promise something else than what goes back.

    Raises:
        UsageError: it does.
    """
    from k3m_kg.rdf.output import COMPRESSED

    name = out.with_suffix("") if out.suffix in COMPRESSED else out
    if name.suffix.lower() in _OF_OTHERS:
        raise UsageError(
            f"is a name of {name.suffix}, and what goes back is delimited text",
            where=str(out),
            hint=f"name it {name.with_suffix('.csv').name}",
        )


def _write_decisions(out: Path, format: str | None, db: str, json: bool) -> None:
    """What people decided."""
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.rdf.decided import export_decisions
    from k3m_kg.rdf.export import format_of
    from k3m_kg.rdf.output import STDOUT

    if format_of(out, format) != "nt":
        raise UsageError("decisions are written as N-Triples", where=str(out), hint="name a .nt")
    if json and out == STDOUT:
        raise UsageError("--json and OUT - both want standard output", hint="name a file")
    guard("OUT", out, db=db)
    with GraphStore.open(db) as store:
        count, triples = export_decisions(store, out)
    if json:
        print_json({"path": str(out), "decisions": count, "triples": triples})
    else:
        note(f"{count:,} decisions, {triples:,} triples in {out}")
