"""SPARQL queries over the graph, on its oxigraph cut: read-only, without network, with limits."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any

from k3m_kg.errors import UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.cut import OnBuild, open_cut
from k3m_kg.vocabulary import QUERY_PREFIXES
from k3m_kg.workers.limits import Limits
from k3m_kg.workers.process import Task, working

ROWS = 10_000
"""The default limit of rows."""
SECONDS = 60.0
"""The default limit of time."""
CELL = 1 << 20
"""The default limit of characters in one term of an answer."""
LONGEST = 1_000_000
"""Characters of a query."""
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
    limits: Limits | None = None,
    limit: int = ROWS,
    cell: int = CELL,
    on_build: OnBuild = lambda triples: None,
) -> SparqlResult:
    """Run a SPARQL 1.1 query over the whole graph.

    The prefixes `k3m`, `product`, `property`, `value`, `schema`, `rdf`, `rdfs` and `xsd` need no
    declaration. The graph is cut into an oxigraph store on disk first, unless the cut of its
    current state is there already. The query runs in a worker, see `k3m_kg.workers`.

    Args:
        where: what errors call the text, such as its file.
        limits: of time, the cut not included, and of memory; by default a minute, and the
            default of all workers.
        limit: rows or triples; 0: no limit.
        cell: characters of one term in the answer.
        on_build: called from time to time with the number of triples that the cut has.

    Raises:
        UsageError: it is not SPARQL, would change something or ask another server, or is longer
            than a million characters.
        K3MError: it met a limit, crashed its worker, or the cut cannot be written.
        GraphError: the database cannot be read.
    """
    check_allowed(text, where)
    request = {"query": text, "prefixes": QUERY_PREFIXES, "limit": limit, "cell": cell}
    limits = limits or Limits(SECONDS)

    def parse() -> None:
        _run({**request, "cut": None}, limits, where)

    with open_cut(store, before_build=parse, on_build=on_build) as cut:
        return _run({**request, "cut": str(cut)}, limits, where)


# Each alternative ends where it began to fail, or takes all that it looked at: no text makes this
# look at the same characters again and again. What is open at its end is for the parser to refuse.
_TOKENS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?"
    r'|"(?:[^"\\\n\r]|\\.)*+"?'
    r"|'(?:[^'\\\n\r]|\\.)*+'?"
    r"|<[^<>\"{}|^`\\\s]*+>"
    r"|#[^\n\r]*+"
    r"|[?$@][\w-]++"
    r"|(?:[^\W\d_][\w.-]*+)?:(?:[\w.:-]|%[0-9A-Fa-f]{2}|\\.)*+"
    r"|(?P<word>[^\W\d]\w*+)[\w.-]*+",
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
    if len(text) > LONGEST:
        raise UsageError(
            f"a query of {len(text):,} characters, and {LONGEST:,} is the limit", where=where
        )
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


def _run(arguments: dict[str, Any], limits: Limits, where: str) -> SparqlResult:
    task = Task(
        "k3m_kg.rdf.sparql_worker",
        "answer_query",
        {**arguments, "whole": limits.answer, "where": where},
        what="the query",
        where=where,
        if_slow="narrow it, or raise --timeout",
        if_large="narrow it, or raise --memory",
    )
    head: dict[str, Any] = {}
    rows: list[Any] = []
    truncated = False
    with working(task, limits) as answers:
        for kind, content in answers:
            if kind == "head":
                head = content
            elif kind == "rows":
                rows += content
            else:
                truncated = content
    if head["kind"] == "boolean":
        return SparqlResult(boolean=head["boolean"])
    if head["kind"] == "parsed":
        return SparqlResult()
    if head["kind"] == "graph":
        return SparqlResult(triples=rows, truncated=truncated)
    names = head["variables"]
    solutions = [
        {name: term for name, term in zip(names, row, strict=True) if term is not None}
        for row in rows
    ]
    return SparqlResult(variables=names, solutions=solutions, truncated=truncated)
