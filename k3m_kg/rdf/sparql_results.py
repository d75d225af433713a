"""Results of SPARQL queries as text: a table for people, CSV and JSON by the W3C's formats."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from rich.cells import cell_len

from k3m_kg.errors import UsageError
from k3m_kg.rdf.sparql import SparqlResult
from k3m_kg.vocabulary import PREFIXES

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
"""They would tear a table, or steer the terminal."""
RESULT_FORMATS = ("table", "csv", "json")


def as_json(result: SparqlResult) -> Any:
    """The SPARQL 1.1 Query Results JSON Format; for graphs, expanded JSON-LD.

    Where the row limit left something out, solutions have `"truncated": true` beside them.
    """
    if result.boolean is not None:
        return {"head": {}, "boolean": result.boolean}
    if result.triples is not None:
        import json

        import pyoxigraph as ox

        parsed = ox.parse("\n".join(result.triples), ox.RdfFormat.N_TRIPLES)
        triples = (quad.triple for quad in parsed)
        return json.loads(ox.serialize(triples, format=ox.RdfFormat.JSON_LD) or b"[]")
    found: dict[str, Any] = {
        "head": {"vars": result.variables},
        "results": {"bindings": result.solutions},
    }
    return {**found, "truncated": True} if result.truncated else found


def as_csv(result: SparqlResult) -> str:
    """The SPARQL 1.1 Query Results CSV Format.

    Raises:
        UsageError: the result is a graph, which has no rows.
    """
    if result.triples is not None:
        raise UsageError(
            "a graph is no table", where="--format csv", hint="use --format table for N-Triples"
        )
    if result.boolean is not None:
        return f"{str(result.boolean).lower()}\r\n"
    out = io.StringIO()
    writer = csv.writer(out)
    names = result.variables or []
    writer.writerow(names)
    for solution in result.solutions:
        writer.writerow([_csv_cell(solution.get(name)) for name in names])
    return out.getvalue()


def _csv_cell(term: dict[str, str] | None) -> str:
    if term is None:
        return ""
    return f"_:{term['value']}" if term["type"] == "bnode" else term["value"]


def as_table(result: SparqlResult) -> str:
    """Columns for people, `true` or `false`, or N-Triples."""
    if result.boolean is not None:
        return f"{str(result.boolean).lower()}\n"
    if result.triples is not None:
        return "".join(f"{line}\n" for line in result.triples)
    names = result.variables or []
    rows = [[_cell(solution.get(name)) for name in names] for solution in result.solutions]
    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    lines = [names, ["-" * width for width in widths], *rows]
    return "".join("  ".join(map(_padded, line, widths)).rstrip() + "\n" for line in lines)


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))


def _cell(term: dict[str, str] | None) -> str:
    if term is None:
        return ""
    value = term["value"]
    if term["type"] == "bnode":
        return f"_:{value}"
    if term["type"] == "uri":
        for prefix, namespace in PREFIXES.items():
            if value.startswith(namespace):
                return f"{prefix}:{value[len(namespace) :]}"
        return f"<{value}>"
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04X}", value)
