"""`k3m-kg status`: what is in the graph, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    note,
    print_json,
    terminal,
    visible_line,
)
from k3m_kg.cli.outputs import guard, guard_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from k3m_kg.graph.stored import GraphStatus
    from k3m_kg.quality.contradictions import Contradictions
    from k3m_kg.quality.examination import GraphQuality, PropertyCoverage

_SHOWN_VALUES = 3


def status(
    db: DatabaseOption = DEFAULT_DATABASE,
    counts: Annotated[
        bool, typer.Option("--counts", help="Count only; do not look at the values.")
    ] = False,
    top: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="How much of each list is shown.")
    ] = 10,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with plots and tables.", dir_okay=False),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Count what is in the graph and what is missing, and show what looks wrong.

    Coverage and frequent values of each property; placeholders, near-duplicate spellings, typos,
    mixed units; properties that are probably one; titles that several products have; where sources
    contradict each other.
    """
    from k3m_kg.errors import UsageError

    if counts and html is not None:
        raise UsageError("--counts has nothing to show in a page", where="--html")
    from k3m_kg.extras import require

    guard("--html", html, db=db)
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.quality.examination import examine

    if html is not None:
        require("matplotlib")

    with GraphStore.open(db) as store:
        guard_sources("--html", html, store)
        found = store.status()
        quality = None if counts else examine(store, top=top)
        url = store.url
    if html is not None and quality is not None:
        _write_page(html, url, found, quality)
    if json:
        print_json(_as_json(found, quality))
        return
    with terminal() as console:
        console.print(_counts(found))
        if quality is not None:
            _print_quality(console, quality, top)


def _write_page(path: Path, url: str, found: GraphStatus, quality: GraphQuality) -> None:
    from k3m_kg.files import write_text
    from k3m_kg.quality.page import quality_page

    write_text(path, quality_page(url, found, quality))
    note(f"wrote {path}")


def _as_json(found: GraphStatus, quality: GraphQuality | None) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found) | (asdict(quality) if quality is not None else {})


def _counts(found: GraphStatus) -> Table:
    from rich.table import Table

    rows: list[tuple[str, int, str]] = [
        ("products", found.products, f"from {found.sources} source(s)"),
        ("  without title", found.missing.title, ""),
        ("  without image", found.missing.image, "no local picture that decodes"),
        ("  without triples", found.missing.triples, ""),
        ("  without category", found.missing.category, ""),
        ("triples", found.triples, ""),
        ("  between products", found.links, ""),
        ("  of values", found.facts, ""),
        ("  properties", found.properties, ""),
        ("  values", found.values, ""),
        ("images", found.images, "local and decoded"),
        ("  failed", found.images_failed, "the file is missing or does not decode"),
        ("  not local", found.images_not_local, "URLs that were not fetched"),
    ]
    table = Table("", "", "", box=None, show_header=False, pad_edge=False)
    table.columns[1].justify = "right"
    table.columns[2].style = "dim"
    for name, count, remark in rows:
        table.add_row(name, f"{count:,}", remark if count else "")
    return table


def _print_contradictions(console: Console, found: Contradictions, top: int) -> None:
    counted = [(_shown(name), f"{n:,}") for name, n in [*found.by_property.items()][:top]]
    _print_table(console, ("sources contradict each other", "products"), counted)
    some = [
        (
            _shown(one.product),
            _shown(one.property or one.kind),
            " / ".join(
                f"{_shown(value)} ({_shown(Path(name).name)})" for name, value in one.values
            ),
        )
        for one in found.listed
    ]
    _print_table(console, ("product", "property", "who says what"), some)


def _print_quality(console: Console, quality: GraphQuality, top: int) -> None:
    shown = quality.coverage[:top]
    if shown:
        rows = [
            (
                _shown(one.property),
                f"{100 * one.share:.0f} %",
                f"{one.values:,}",
                _frequent(one),
            )
            for one in shown
        ]
        _print_table(console, ("property", "coverage", "values", "most frequent"), rows)
        if len(quality.coverage) > top:
            console.print(f"... and {len(quality.coverage) - top:,} more properties", style="dim")
    found = quality.suspicious
    if found.listed:
        suspicions = [
            (
                one.kind,
                "(title)" if one.property is None else _shown(one.property),
                f"{one.count:,}",
                _shown(one.value),
                "" if one.like is None else f"{_shown(one.like)} ({one.like_count:,})",
            )
            for one in found.listed
        ]
        _print_table(console, ("suspicious", "property", "times", "value", "like"), suspicions)
        if any(one.kind == "placeholder" for one in found.listed):
            text = "A snapshot leaves placeholders out: no model learns or proposes them."
            console.print(text, style="dim")
    if found.similar_properties:
        alike = [
            (
                _shown(s.property),
                f"{s.products:,}",
                _shown(s.like),
                f"{s.like_products:,}",
            )
            for s in found.similar_properties
        ]
        _print_table(console, ("probably one property", "products", "like", "products"), alike)
    if quality.contradictions.listed:
        _print_contradictions(console, quality.contradictions, top)
    if found.repeated_titles:
        titles = [(f"{one.count:,}", _shown(one.value, 70)) for one in found.repeated_titles]
        _print_table(console, ("products", "with the same title"), titles)


def _print_table(console: Console, head: tuple[str, ...], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        if column.header in ("coverage", "values", "times", "products"):
            column.justify = "right"
    for row in rows:
        table.add_row(*map(Text, row))  # a catalog's text holds no markup
    console.print()
    console.print(table)


def _frequent(one: PropertyCoverage) -> str:
    values = [f"{_shown(v.value, 30)} ({v.count:,})" for v in one.most_frequent[:_SHOWN_VALUES]]
    units = [f"{unit or 'none'} ({count:,})" for unit, count in one.units.items()]
    return ", ".join(values) + (f"; units: {', '.join(units)}" if units else "")


def _shown(text: str, longest: int = 40) -> str:
    return visible_line(text, longest)
