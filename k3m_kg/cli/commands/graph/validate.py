"""`k3m-kg validate`: what is wrong with the catalog, product by product."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonFlag,
    print_json,
    progress_bar,
    say,
    say_data,
    visible_line,
)
from k3m_kg.cli.limits import MemoryOption, TimeoutOption, limits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from k3m_kg.quality.contradictions import Contradictions
    from k3m_kg.rdf.validate import ShaclResult, ValidationReport

_FORMATS = ("text", "json", "shacl")
_SHOWN = 20
"""Products that the text names."""


def validate(
    db: DatabaseOption = DEFAULT_DATABASE,
    shapes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="SHACL shapes, such as Turtle.  [default: those of k3m-kg]"
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(metavar="NAME", help="text, json, or shacl: its report as Turtle.")
    ] = "text",
    batch: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Products validated together; 0: all, for shapes that look at linked products.",
        ),
    ] = 1000,
    timeout: TimeoutOption = 300.0,
    memory: MemoryOption = None,
    json: JsonFlag = False,
) -> None:
    """Validate the graph with SHACL shapes, and show where sources contradict each other.

    A violation makes the exit code 1; warnings do not. Shapes of your own see the graph as
    `k3m-kg export` writes it. They may hold any query or rule, so a process of its own runs them,
    with --memory, and --timeout for each batch. --json is --format json.
    """
    from k3m_kg.errors import UsageError, unknown_name
    from k3m_kg.graph.store import GraphStore
    from k3m_kg.quality.contradictions import find_contradictions
    from k3m_kg.rdf.shapes import catalog_shapes
    from k3m_kg.rdf.validate import validate as run

    if format not in _FORMATS:
        raise UsageError(unknown_name("format", format, _FORMATS), where="--format")
    chosen = "json" if json else format
    with GraphStore.open(db) as store, progress_bar(disable=json) as bar:
        task = bar.add_task("validate", total=None, info="products")
        report = run(
            store,
            shapes or catalog_shapes(),
            batch=batch,
            with_shacl=chosen == "shacl",
            limits=limits_of(timeout, memory),
            on_progress=lambda done: bar.update(task, completed=done),
        )
        contradictions = find_contradictions(store)
    if chosen == "json":
        print_json(_as_json(report, contradictions))
    elif report.shacl is not None:
        say_data(report.shacl)
    else:
        _print(report)
        _print_contradictions(contradictions)
    if not report.conforms:
        raise typer.Exit(1)


def _by_node(
    findings: Sequence[ShaclResult],
) -> Iterator[tuple[str, str, list[ShaclResult]]]:
    """(kind, name, findings) of each product, property or value; the list is sorted by these."""
    from itertools import groupby

    for (kind, name), some in groupby(findings, lambda finding: (finding.kind, finding.name)):
        yield kind, name, list(some)


def _as_json(report: ValidationReport, contradictions: Contradictions) -> dict[str, Any]:
    from dataclasses import asdict

    products, others = [], []
    for kind, name, findings in _by_node(report.findings):
        results = [
            {
                "severity": finding.severity,
                "message": finding.message,
                "path": finding.path,
                "value": finding.value,
            }
            for finding in findings
        ]
        if kind == "product":
            products.append({"product": name, "results": results})
        else:
            others.append({"kind": kind, "name": name, "results": results})
    return {
        "conforms": report.conforms,
        "products_checked": report.products,
        **{f"{severity}s": count for severity, count in report.counts.items()},
        "products": products,
        "others": others,
        "contradictions": asdict(contradictions),
    }


def _print_contradictions(found: Contradictions) -> None:
    if not found.products:
        return
    say(f"{found.products:,} products of which sources contradict each other")
    for name, count in found.by_property.items():
        say(f"{count:>9,}  {visible_line(name)}")
    for one in found.listed[:_SHOWN]:
        say(f"product {visible_line(one.product)}: {visible_line(one.property or one.kind)}")
        for source, value in one.values:
            say(f"  '{visible_line(value)}' says {visible_line(source, end=True)}")
    if len(found.listed) > _SHOWN:
        say(f"... and {len(found.listed) - _SHOWN:,} more; --json lists them")


def _print(report: ValidationReport) -> None:
    counts = report.counts
    say(
        f"{report.products:,} products checked: "
        + ", ".join(f"{count:,} {severity}s" for severity, count in counts.items() if count)
        if report.findings
        else f"{report.products:,} products checked: nothing found"
    )
    by_message = Counter((finding.severity, finding.message) for finding in report.findings)
    for (severity, message), count in by_message.most_common():
        say(f"{count:>9,}  {severity}: {message}")
    for number, (kind, name, findings) in enumerate(_by_node(report.findings)):
        if number == _SHOWN:
            rest = len({(finding.kind, finding.name) for finding in report.findings}) - _SHOWN
            say(f"... and {rest:,} more; --json lists them")
            break
        say(f"{kind} {visible_line(name)}")
        for finding in findings:
            say(f"  {finding.severity}: {finding.message}{_about(finding)}")


def _about(finding: ShaclResult) -> str:
    parts = [finding.path, None if finding.value is None else f"'{visible_line(finding.value)}'"]
    said = " ".join(part for part in parts if part is not None)
    return f" ({said})" if said else ""
