"""Validation: SHACL shapes over the graph as RDF, in batches of products so that memory is bounded.

A batch holds what the graph says of some products and values; the last one also holds the labels of
the properties. So a shape sees all of a product's own triples, but not what is said of the
products that it links to. Shapes that look further need one batch of everything.

Shapes hold queries and rules, and may take any time and memory: they are read and run by a worker,
see `k3m_kg.rdf.validation_worker`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from k3m_kg.graph.store import GraphStore
from k3m_kg.workers.limits import Limits
from k3m_kg.workers.process import Task, working

BATCH = 1_000
"""Products and values that are validated together, by default."""
SECONDS = 300.0
"""The default limit of time for each batch."""
SEVERITIES = ("violation", "warning", "info")


@dataclass(frozen=True, slots=True)
class ShaclResult:
    """One result of SHACL.

    Attributes:
        kind: `product`, `property` or `value`, or `node` for anything else.
        name: the product's id, the property's name, the value's text, or the IRI.
        severity: `violation`, `warning` or `info`.
        message: the shape's own, where it has one.
        path: the property or the term concerned, such as `colour` or `schema:name`.
        value: the offending value.
    """

    kind: str
    name: str
    severity: str
    message: str
    path: str | None = None
    value: str | None = None


@dataclass(slots=True)
class ValidationReport:
    """What validation found; `shacl` is its report as Turtle, if it was asked for."""

    products: int = 0
    findings: list[ShaclResult] = field(default_factory=list)
    shacl: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Findings by severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {name: found[name] for name in SEVERITIES}

    @property
    def conforms(self) -> bool:
        """No violation; warnings do not count."""
        return not self.counts["violation"]


def validate(
    store: GraphStore,
    shapes: Path,
    *,
    batch: int = BATCH,
    with_shacl: bool = False,
    limits: Limits | None = None,
    on_progress: Callable[[int], None] = lambda products: None,
) -> ValidationReport:
    """Validate the graph, as one state of it, in a worker.

    Memory here grows with what is found, up to `Limits.answer`.

    Args:
        shapes: a file, see `k3m_kg.rdf.shapes.load_shapes`.
        batch: products and values that are validated together; 0: all of them.
        with_shacl: keep the SHACL report too.
        limits: of time, for each batch, and of memory; by default five minutes, and the default of
            all workers.
        on_progress: called after each batch with the number of products done.

    Raises:
        UsageError: the shapes cannot be read, are malformed or hold what is refused.
        K3MError: a limit was met, or the worker crashed.
        GraphError: the database cannot be read.
    """
    limits = limits or Limits(SECONDS)
    task = Task(
        "k3m_kg.rdf.validation_worker",
        "validate_graph",
        {
            "url": store.private_url,
            "shapes": str(shapes),
            "batch": batch,
            "with_shacl": with_shacl,
            "whole": limits.answer,
        },
        what="the validation" if not batch else f"the validation of {batch:,} products",
        where=str(shapes),
        if_slow="simplify the shapes, validate fewer products together (--batch), "
        "or raise --timeout",
        if_large="simplify the shapes, validate fewer products together (--batch), "
        "or raise --memory",
    )
    report = ValidationReport()
    with working(task, limits) as answers:
        for kind, content in answers:
            answers.renew()
            if kind == "findings":
                report.findings += [ShaclResult(*parts) for parts in content]
            elif kind == "products":
                report.products = content
                on_progress(report.products)
            else:
                report.shacl = content
    report.findings.sort(key=_order)
    return report


def _order(finding: ShaclResult) -> tuple[str, str, int, str, str, str]:
    severity = SEVERITIES.index(finding.severity)
    about = (finding.path or "", finding.value or "")
    return finding.kind, finding.name, severity, finding.message, *about
