"""What the worker does that validates the graph: it reads the shapes, and the graph itself.

It answers, batch by batch, with ("findings", the parts of each `ShaclResult`) and ("products", the
number of those done), and last ("shacl", the whole report as Turtle), if it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.term import Node

from k3m_kg import vocabulary as v
from k3m_kg.errors import UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.ntriples import Properties, subject_lines
from k3m_kg.rdf.rdflib_terms import rdflib_triples
from k3m_kg.rdf.shapes import SH, load_shapes
from k3m_kg.rdf.subjects import iter_subjects
from k3m_kg.rdf.validate import SEVERITIES, ShaclResult
from k3m_kg.workers.accounting import Account
from k3m_kg.workers.inside import Answer

_SEVERITIES = dict(zip((SH.Violation, SH.Warning, SH.Info), SEVERITIES, strict=True))
_NAMES = {v.PRODUCT: "product", v.PROPERTY: "property", v.VALUE: "value"}
_TOGETHER = 1_000


def validate_graph(
    answer: Answer, *, url: str, shapes: str, batch: int, with_shacl: bool, whole: int
) -> None:
    """Validate the graph at a database URL; see `k3m_kg.rdf.validate.validate`.

    Args:
        whole: bytes that all findings and the report may take.
    """
    loaded = load_shapes(Path(shapes))
    account = Account(
        whole, what="what was found", where=shapes, hint="mend the shapes, or raise --memory"
    )
    report = _Report() if with_shacl else None
    done = found = 0
    with GraphStore.open(url) as store, store.reading() as reader:
        for products, data in _batches(iter_subjects(reader), batch):
            results = _run_pyshacl(data, loaded)
            findings: list[tuple[Any, ...]] = []
            for node in results.objects(None, SH.result):
                findings.append(astuple(_finding(results, node)))
                account.take(findings[-1])
                found += 1
                if len(findings) >= _TOGETHER:
                    answer.send("findings", findings)
                    findings = []
            answer.send("findings", findings)
            if report is not None:
                report.merge(results)
            done += products
            answer.send("products", done)
            answer.renew()
    if report is not None:
        text = report.turtle(conforms=not found)
        account.take(text)
        answer.send("shacl", text)


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
    except MemoryError:
        raise
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
        _SEVERITIES.get(URIRef(str(severity)), "violation"),
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


class _Report:
    """The SHACL reports of all batches as one."""

    def __init__(self) -> None:
        self._graph = Graph()
        self._root = BNode()

    def merge(self, results: Graph) -> None:
        """Add the results of a batch; its own report node becomes that of the whole."""
        (own,) = results.subjects(RDF.type, SH.ValidationReport)
        for subject, predicate, object_ in results:
            if subject != own:
                self._graph.add((subject, predicate, object_))
            elif predicate == SH.result:
                self._graph.add((self._root, predicate, object_))

    def turtle(self, *, conforms: bool) -> str:
        """The whole; SHACL 1.0: a graph conforms if there is no result at all."""
        graph = self._graph
        graph.add((self._root, RDF.type, SH.ValidationReport))
        graph.add((self._root, SH.conforms, Literal(conforms)))
        graph.bind("sh", SH)
        for prefix, namespace in v.PREFIXES.items():
            graph.bind(prefix, namespace)
        try:
            return graph.serialize(format="turtle")
        except RecursionError:
            raise UsageError(
                "what these shapes refer to is nested too deeply for a report",
                where="--format shacl",
                hint="use --format json",
            ) from None
