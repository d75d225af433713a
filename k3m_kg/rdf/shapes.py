"""SHACL shapes: those that ship with k3m-kg, or a user's file. They are data and stay offline."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
from rdflib import Graph, Literal, Namespace

from k3m_kg.errors import UsageError
from k3m_kg.rdf.rdflib_terms import rdflib_triple
from k3m_kg.rdf.sparql import check_allowed
from k3m_kg.resources import resource_folder

SH = Namespace("http://www.w3.org/ns/shacl#")
_QUERIES = (SH.select, SH.ask, SH.construct, SH.update)
_TARGETS = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)
_SCRIPTS = (SH.js, SH.jsFunctionName, SH.jsLibrary)


def catalog_shapes() -> Path:
    """The file of the shapes that a catalog is validated with by default."""
    return resource_folder("schemas") / "catalog.shapes.ttl"


def load_shapes(path: Path) -> Graph:
    """Read a file of shapes: Turtle, TriG, N-Triples, N-Quads, RDF/XML or JSON-LD, by its suffix.

    Raises:
        UsageError: it cannot be read, holds no shape, a script, or a query that would change
            something or ask another server.
    """
    format = ox.RdfFormat.from_extension(path.suffix.removeprefix(".")) or ox.RdfFormat.TURTLE
    graph = Graph()
    try:
        for quad in ox.parse(path=str(path), format=format):
            graph.add(rdflib_triple(quad))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot be read: {reason}", where=str(path)) from None
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            f"is no valid {format.name}: {error}", where=str(path), hint="check the file's suffix"
        ) from None
    for shape, predicate, text in graph:
        if predicate in _SCRIPTS:
            raise UsageError("SHACL JavaScript is not run", where=f"{path}: {shape}")
        if predicate in _QUERIES and isinstance(text, Literal):
            check_allowed(str(text), f"{path}: {shape}")
    if not any((None, target, None) in graph for target in _TARGETS):
        raise UsageError(
            "holds no SHACL shape with a target",
            where=str(path),
            hint="such as: [] a sh:NodeShape ; sh:targetClass schema:Product ; sh:property [...]",
        )
    return graph
