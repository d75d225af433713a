"""SPARQL queries over the graph, on its oxigraph cut: read-only, without network, with limits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.cut import OnBuild, open_cut
from k3m_kg.vocabulary import PREFIXES

ROWS = 10_000
"""The default limit of rows."""
SECONDS = 60.0
"""The default limit of time."""
Solution = dict[str, dict[str, str]]
"""From a bound variable to its term, as in the SPARQL 1.1 Query Results JSON Format."""


@dataclass(frozen=True, slots=True)
class SparqlResult:
    """What a query found: for SELECT `solutions`, for ASK `boolean`, else `triples`.

    Attributes:
        variables: of a SELECT, in order.
        triples: lines of N-Triples, without line ends.
        truncated: whether the row limit left something out.
    """

    variables: list[str] | None = None
    solutions: list[Solution] = field(default_factory=list)
    boolean: bool | None = None
    triples: list[str] | None = None
    truncated: bool = False


def query(
    store: GraphStore,
    text: str,
    *,
    where: str = "query",
    timeout: float | None = SECONDS,
    limit: int = ROWS,
    on_build: OnBuild = lambda triples: None,
) -> SparqlResult:
    """Run a SPARQL 1.1 query over the whole graph.

    The prefixes `k3m`, `product`, `property`, `value`, `schema`, `rdf` and `rdfs` need no
    declaration. The graph is cut into an oxigraph store on disk first, unless the cut of its
    current state is there already. The query runs in a process of its own, which is killed when
    its time is over.

    Args:
        where: what errors call the text, such as its file.
        timeout: seconds for the query, the cut not included; None: no limit.
        limit: rows or triples; 0: no limit.
        on_build: called from time to time with the number of triples that the cut has.

    Raises:
        UsageError: it is not SPARQL, would change something or ask another server.
        K3MError: it took too long, or the cut cannot be written.
        GraphError: the database cannot be read.
    """
    check_allowed(text, where)
    request = {"query": text, "prefixes": PREFIXES, "limit": limit, "timeout": timeout}

    def parse() -> None:
        _run({**request, "cut": None}, where)

    with open_cut(store, before_build=parse, on_build=on_build) as cut:
        return _run({**request, "cut": str(cut)}, where)


_TOKENS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""'
    r"|'''(?:[^'\\]|\\.|'(?!''))*'''"
    r'|"(?:[^"\\\n\r]|\\.)*"'
    r"|'(?:[^'\\\n\r]|\\.)*'"
    r"|<[^<>\"{}|^`\\\s]*>"
    r"|#[^\n\r]*"
    r"|[?$@][\w-]+"
    r"|[\w.-]*:(?:[\w.:-]|%[0-9A-Fa-f]{2}|\\.)*"
    r"|(?P<word>[^\W\d]\w*)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_UPDATES = {"insert", "delete", "load", "clear", "create", "drop", "copy", "move", "add", "with"}
_QUERIES = {"select", "ask", "construct", "describe"}


def check_allowed(text: str, where: str) -> None:
    """Refuse updates, and SERVICE, which would ask another server.

    The letters of SERVICE are refused wherever they stand, in texts and comments too: what is a
    text is for the parser to say, and two parsers never agree on every input.

    Raises:
        UsageError: it holds one of them.
    """
    # SPARQL replaces escapes before it parses, some parsers within strings only: look at both.
    unescaped = _ESCAPE.sub(lambda found: _character(found[1] or found[2]), text)
    for version in dict.fromkeys((text, unescaped)):
        if (place := version.lower().find("service")) >= 0:
            raise UsageError(
                "SERVICE would ask another server, and queries stay on this graph",
                where=_position(where, version, place),
                hint="take the SERVICE block out; a text with this word can be written as "
                'CONCAT("ser", "vice")',
            )
        form = None
        for token in _TOKENS.finditer(version):
            word = (token["word"] or "").lower()
            if form is None and word in _QUERIES | _UPDATES:
                form = word
        if form in _UPDATES:
            raise UsageError(
                f"{form.upper()} is an update, and the graph is read-only for SPARQL",
                where=where,
                hint="change the catalog and run `k3m-kg ingest`",
            )


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number <= sys.maxunicode else ""


def _position(where: str, text: str, offset: int) -> str:
    before = text[:offset]
    return f"{where}:{before.count(chr(10)) + 1}:{offset - before.rfind(chr(10))}"


def _run(request: dict[str, Any], where: str) -> SparqlResult:
    worker = Path(__file__).with_name("sparql_worker.py")
    # -P: the folder of the script is not where modules come from.
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", str(worker)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            out, err = process.communicate(json.dumps(request), timeout=request["timeout"])
        except subprocess.TimeoutExpired:
            raise K3MError(
                f"the query took longer than {request['timeout']:g} s and was stopped",
                where=where,
                hint="narrow it, or raise --timeout",
            ) from None
        finally:
            process.kill()
    if process.returncode or not out:
        reason = (err.strip() or f"exit code {process.returncode}").splitlines()[-1]
        raise K3MError(f"the query ended early: {reason}", where=where)
    return _result([json.loads(line) for line in out.splitlines()], where)


def _result(lines: list[Any], where: str) -> SparqlResult:
    head, rows = lines[0], lines[1:-1]
    kind = head["kind"]
    if kind == "syntax":
        raise _syntax_error(head["message"], where)
    if kind == "failed":
        raise K3MError(f"the query failed: {head['message']}", where=where)
    if kind == "boolean":
        return SparqlResult(boolean=head["boolean"])
    if kind == "parsed":
        return SparqlResult()
    if lines[-1].get("kind") == "failed":  # in the middle of its rows
        raise K3MError(f"the query failed: {lines[-1]['message']}", where=where)
    truncated = lines[-1]["truncated"]
    if kind == "graph":
        return SparqlResult(triples=rows, truncated=truncated)
    names = head["variables"]
    solutions = [
        {name: term for name, term in zip(names, row, strict=True) if term is not None}
        for row in rows
    ]
    return SparqlResult(variables=names, solutions=solutions, truncated=truncated)


def _syntax_error(message: str, where: str) -> UsageError:
    found = re.match(r"error at (\d+:\d+): (.*)", message, re.DOTALL)
    place, reason = (f"{where}:{found[1]}", found[2]) if found else (where, message)
    return UsageError(f"no valid SPARQL: {reason}", where=place)
