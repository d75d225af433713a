"""Validation: SHACL shapes over the graph as RDF, in batches of products so that memory is bounded.

A batch holds what the graph says of some products and values; the last one also holds the labels of
the properties. So a shape sees all of a product's own triples, but not what is said of the
products that it links to. Shapes that look further need one batch of everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from rdflib import RDF, BNode, Graph, URIRef
from rdflib.term import Node

from k3m_kg import vocabulary as v
from k3m_kg.errors import UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.ntriples import Properties, subject_lines
from k3m_kg.rdf.rdflib_terms import rdflib_triples
from k3m_kg.rdf.shapes import SH
from k3m_kg.rdf.subjects import iter_subjects

BATCH = 1_000
"""Products and values that are validated together, by default."""
SEVERITIES = {SH.Violation: "violation", SH.Warning: "warning", SH.Info: "info"}
_NAMES = {v.PRODUCT: "product", v.PROPERTY: "property", v.VALUE: "value"}


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
    """What validation found; `graph` is the SHACL report, if it was asked for."""

    products: int = 0
    findings: list[ShaclResult] = field(default_factory=list)
    graph: Graph | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Findings by severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {name: found[name] for name in SEVERITIES.values()}

    @property
    def conforms(self) -> bool:
        """No violation; warnings do not count."""
        return not self.counts["violation"]


def validate(
    store: GraphStore,
    shapes: Graph,
    *,
    batch: int = BATCH,
    with_graph: bool = False,
    on_progress: Callable[[int], None] = lambda products: None,
) -> ValidationReport:
    """Validate the graph, as one state of it.

    Memory is bounded by the batch and grows with what is found.

    Args:
        shapes: see `k3m_kg.rdf.shapes.load_shapes`.
        batch: products and values that are validated together; 0: all of them.
        with_graph: keep the SHACL report too.
        on_progress: called after each batch with the number of products done.

    Raises:
        UsageError: the shapes are malformed.
        GraphError: the database cannot be read.
    """
    report = ValidationReport(graph=Graph() if with_graph else None)
    root = BNode()
    with store.reading() as reader:
        for products, data in _batches(iter_subjects(reader), batch):
            results = _run_pyshacl(data, shapes)
            for node in results.objects(None, SH.result):
                report.findings.append(_finding(results, node))
            if report.graph is not None:
                _merge(results, report.graph, root)
            report.products += products
            on_progress(report.products)
    report.findings.sort(key=_order)
    if report.graph is not None:
        _finish(report.graph, root, report)
    return report


def _order(finding: ShaclResult) -> tuple[str, str, int, str, str, str]:
    severity = list(SEVERITIES.values()).index(finding.severity)
    about = (finding.path or "", finding.value or "")
    return finding.kind, finding.name, severity, finding.message, *about


def _batches(subjects: Iterator[Any], size: int) -> Iterator[tuple[int, Graph]]:
    """The number of products in a batch, and its graph."""
    properties = Properties()
    lines: list[str] = []
    count = products = 0
    for subject in subjects:
        lines += subject_lines(subject, properties)
        count += 1
        products += subject.is_product
        if count == size:
            yield products, _graph(lines)
            lines, count, products = [], 0, 0
    lines += properties.lines()
    yield products, _graph(lines)


def _graph(lines: list[str]) -> Graph:
    graph = Graph(bind_namespaces="none")
    for triple in rdflib_triples(lines):
        graph.add(triple)
    return graph


def _run_pyshacl(data: Graph, shapes: Graph) -> Graph:
    from pyshacl import validate as run

    try:
        # In place: the batch is ours. Advanced: targets may be queries.
        _, results, _ = run(data, shacl_graph=shapes, inplace=True, advanced=True)
    except Exception as error:  # pyshacl has its own for some of what can be wrong with shapes
        reason = " ".join(str(getattr(error, "message", error)).split())
        raise UsageError(
            f"these shapes cannot be used: {reason or type(error).__name__}", where="--shapes"
        ) from error
    assert isinstance(results, Graph)
    return results


def _finding(results: Graph, node: Node) -> ShaclResult:
    focus = results.value(node, SH.focusNode)
    kind, name = _name(focus)
    path, value = results.value(node, SH.resultPath), results.value(node, SH.value)
    severity = results.value(node, SH.resultSeverity)
    messages = sorted(str(message) for message in results.objects(node, SH.resultMessage))
    return ShaclResult(
        kind,
        name,
        SEVERITIES.get(URIRef(str(severity)), "violation"),
        "; ".join(messages) or "no message",
        _short(path) if isinstance(path, URIRef) else None,
        None if value is None or isinstance(value, BNode) or value == focus else str(value),
    )


def _name(node: Node | None) -> tuple[str, str]:
    for namespace, kind in _NAMES.items():
        text = v.parse(namespace, str(node))
        if isinstance(node, URIRef) and text is not None:
            return kind, text
    return "node", str(node)


def _short(iri: str) -> str:
    if iri.startswith(v.PROPERTY):
        return unquote(iri[len(v.PROPERTY) :])
    for prefix, namespace in v.PREFIXES.items():
        if iri.startswith(namespace):
            return f"{prefix}:{iri[len(namespace) :]}"
    return iri


def _merge(results: Graph, into: Graph, root: BNode) -> None:
    """Add the results of a batch; its own report node becomes `root`."""
    (own,) = results.subjects(RDF.type, SH.ValidationReport)
    for subject, predicate, object_ in results:
        if subject != own:
            into.add((subject, predicate, object_))
        elif predicate == SH.result:
            into.add((root, predicate, object_))


def _finish(graph: Graph, root: BNode, report: ValidationReport) -> None:
    from rdflib import Literal

    graph.add((root, RDF.type, SH.ValidationReport))
    # SHACL 1.0: a graph conforms if there is no result at all, whatever its severity.
    graph.add((root, SH.conforms, Literal(not report.findings)))
    graph.bind("sh", SH)
    for prefix, namespace in v.PREFIXES.items():
        graph.bind(prefix, namespace)
