"""The process that one SPARQL query runs in, so that it can be killed. Run as a script.

Standard input holds one JSON object: `cut` (a folder, or null to parse the query only), `query`,
`prefixes`, `limit` and `timeout`. Standard output is JSON, one value a line: a head, the rows
(terms as in the SPARQL 1.1 Query Results JSON Format; for graphs, lines of N-Triples), and a tail
that says whether rows were left out. Or a head with an error.
"""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Iterable
from typing import Any

import pyoxigraph as ox

_STRING = "http://www.w3.org/2001/XMLSchema#string"


def _term(term: Any) -> dict[str, str] | None:
    if term is None:
        return None
    if isinstance(term, ox.NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, ox.BlankNode):
        return {"type": "bnode", "value": term.value}
    if not isinstance(term, ox.Literal):
        return {"type": "literal", "value": str(term)}
    found = {"type": "literal", "value": term.value}
    if term.language:
        found["xml:lang"] = term.language
    elif term.datatype.value != _STRING:
        found["datatype"] = term.datatype.value
    return found


def _write(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")


def _rows(rows: Iterable[Any], limit: int) -> None:
    truncated = False
    for number, row in enumerate(rows):
        if limit and number == limit:
            truncated = True
            break
        _write(row)
    _write({"truncated": truncated})


def main() -> None:
    """Answer the one query."""
    request = json.load(sys.stdin)
    if request["timeout"] is not None:
        # Whatever becomes of the parent, this process ends.
        signal.alarm(math.ceil(request["timeout"]) + 1)
    check = request["cut"] is None
    store = ox.Store() if check else ox.Store.read_only(request["cut"])
    try:
        found = store.query(request["query"], prefixes=request["prefixes"])
        if check:
            _write({"kind": "parsed"})
        elif isinstance(found, ox.QueryBoolean):
            _write({"kind": "boolean", "boolean": bool(found)})
        elif isinstance(found, ox.QueryTriples):
            _write({"kind": "graph"})
            _rows((f"{triple} ." for triple in found), request["limit"])
        else:
            variables = [variable.value for variable in found.variables]
            _write({"kind": "solutions", "variables": variables})
            _rows(
                ([_term(row[name]) for name in variables] for row in found),
                request["limit"],
            )
    except SyntaxError as error:
        _write({"kind": "syntax", "message": str(error)})
    except (OSError, RuntimeError, ValueError) as error:
        _write({"kind": "failed", "message": str(error)})


if __name__ == "__main__":
    main()
