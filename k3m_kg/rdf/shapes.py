"""SHACL shapes: those that ship with k3m-kg, or a user's file. They are data and stay offline."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
from rdflib import Graph, Literal, Namespace

from k3m_kg.errors import UsageError
from k3m_kg.files import ordinary
from k3m_kg.rdf.nesting import MAX_DEPTH, nesting_scanner
from k3m_kg.rdf.rdflib_terms import rdflib_triple
from k3m_kg.rdf.sparql import check_allowed
from k3m_kg.resources import resource_folder
from k3m_kg.workers.limits import shown

SH = Namespace("http://www.w3.org/ns/shacl#")
LARGEST = 64 << 20
"""Bytes of a file of shapes."""
_FORMS = {"jsonld": "jsonld", "rdf": "rdfxml"}
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
        if ordinary(path).stat().st_size > LARGEST:
            raise UsageError(
                f"is larger than {shown(LARGEST)}, the most that shapes may take", where=str(path)
            )
        content = path.read_bytes()
        if nesting_scanner(_FORMS.get(format.file_extension, "ttl")).too_deep(content):
            raise UsageError(
                f"is nested more than {MAX_DEPTH} deep",
                where=str(path),
                hint="give inner nodes an id, and refer to them by it",
            )
        for quad in ox.parse(input=content, format=format):
            if isinstance(quad.object, ox.Triple):
                raise UsageError("a triple as a term is no shape", where=str(path))
            graph.add(rdflib_triple(quad))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot be read: {reason}", where=str(path)) from None
    except (SyntaxError, ValueError, RecursionError) as error:
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
