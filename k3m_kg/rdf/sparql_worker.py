"""What the worker does that one SPARQL query runs in.

It answers with ("head", what it is), then messages of rows, ("rows", a list) with terms as in the
SPARQL 1.1 Query Results JSON Format or lines of N-Triples, and ("tail", whether rows were left
out).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pyoxigraph as ox

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.vocabulary import QUERY_PREFIXES
from k3m_kg.workers.accounting import Account
from k3m_kg.workers.inside import Answer
from k3m_kg.workers.limits import shown

_STRING = "http://www.w3.org/2001/XMLSchema#string"
_TOGETHER = 500


class _Cells:
    """Terms as plain data, none of them larger than the limit."""

    def __init__(self, most: int, where: str) -> None:
        self._most = most
        self._where = where

    def checked(self, text: str) -> str:
        if len(text) > self._most:
            raise K3MError(
                f"a cell of the answer has {len(text):,} characters, "
                f"and {shown(self._most)} is the limit",
                where=self._where,
                hint="select less of it, such as SUBSTR(?text, 1, 1000), or raise --max-cell",
            )
        return text

    def term(self, term: Any) -> dict[str, str] | None:
        if term is None:
            return None
        if isinstance(term, ox.NamedNode):
            return {"type": "uri", "value": self.checked(term.value)}
        if isinstance(term, ox.BlankNode):
            return {"type": "bnode", "value": self.checked(term.value)}
        if not isinstance(term, ox.Literal):
            return {"type": "literal", "value": self.checked(str(term))}
        found = {"type": "literal", "value": self.checked(term.value)}
        if term.language:
            found["xml:lang"] = self.checked(term.language)
        elif term.datatype.value != _STRING:
            found["datatype"] = self.checked(term.datatype.value)
        return found


def answer_query(
    answer: Answer,
    *,
    query: str,
    cut: str | None,
    prefixes: Mapping[str, str],
    limit: int,
    cell: int,
    whole: int,
    where: str,
) -> None:
    """Answer one query.

    Args:
        cut: the folder of an oxigraph store; None parses the query only.
        limit: rows or triples; 0: no limit.
        cell: characters of a cell.
        whole: bytes that the whole answer may take.

    Raises:
        UsageError: it is no SPARQL.
        K3MError: it failed, or a limit was met.
    """
    store = ox.Store() if cut is None else ox.Store.read_only(cut)
    cells = _Cells(cell, where)
    account = Account(whole, what="the answer", where=where, hint="narrow it, or raise --memory")
    try:
        found = store.query(query, prefixes=dict(prefixes))
        if cut is None:
            answer.send("head", {"kind": "parsed"})
        elif isinstance(found, ox.QueryBoolean):
            answer.send("head", {"kind": "boolean", "boolean": bool(found)})
        elif isinstance(found, ox.QueryTriples):
            answer.send("head", {"kind": "graph"})
            lines = (cells.checked(f"{triple} .") for triple in found)
            _send_rows(answer, lines, limit, account)
        else:
            names = [variable.value for variable in found.variables]
            answer.send("head", {"kind": "solutions", "variables": names})
            rows = ([cells.term(row[name]) for name in names] for row in found)
            _send_rows(answer, rows, limit, account)
    except SyntaxError as error:
        raise no_sparql(str(error), query, where) from None
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise K3MError(f"the query failed: {error}", where=where) from None


def _send_rows(answer: Answer, rows: Iterable[Any], limit: int, account: Account) -> None:
    together: list[Any] = []
    truncated = False
    for number, row in enumerate(rows):
        if limit and number == limit:
            truncated = True
            break
        account.take(row)
        together.append(row)
        if len(together) >= _TOGETHER:
            answer.send("rows", together)
            together = []
    answer.send("rows", together)
    answer.send("tail", truncated)


_CLASSES = re.compile(r"\[[^\[\]]*\]|'[^']{1,12}'\s*\.\.=?\s*'[^']{1,12}'")
"""How the parser writes a set of characters: a page of code points that helps nobody."""
_BLANK_IN_NAME = re.compile(
    r"(?<!\S)([a-z][\w-]*):([^\s<>\"{}|^`]+)[ \t]+(\w[\w-]*)\s*$", re.IGNORECASE
)
_WORDS = frozenset(("a", "bind", "filter", "graph", "minus", "optional", "union", "values"))


def no_sparql(message: str, query: str, where: str) -> UsageError:
    """What the parser says, without its grammar; and what is wrong, where that can be told."""
    found = re.match(r"error at (\d+):(\d+): (.*)", message, re.DOTALL)
    if found is None:
        return UsageError(f"no valid SPARQL: {_plain(message)}", where=where)
    line, column = int(found[1]), int(found[2])
    lines = query.split("\n")
    text = lines[line - 1] if line <= len(lines) else ""
    before, after = text[: column - 1], text[column - 1 :].strip()
    near = f" near {after[:40]!r}" if after else " at its end" if line >= len(lines) else ""
    said, hint = _plain(found[3]), None
    spaced = _BLANK_IN_NAME.search(before)
    if spaced and spaced[3].lower() not in _WORDS:
        hint = f"a blank in a name is written %20: {spaced[1]}:{spaced[2]}%20{spaced[3]}"
    elif "IRI parsing failed" in found[3]:
        said, hint = "an IRI that is none", "an IRI holds no blank: it is written %20 there"
    elif "Prefix not found" in found[3]:
        said = "a prefix that is not declared"
        hint = f"write PREFIX name: <...> before it; these need none: {', '.join(QUERY_PREFIXES)}"
    return UsageError(f"no valid SPARQL{near}: {said}", where=f"{where}:{line}:{column}", hint=hint)


def _plain(reason: str) -> str:
    """The parser's reason without sets of characters, on one line."""
    parts = [part.strip() for part in _CLASSES.sub("", reason).replace("\n", " ").split(",")]
    kept = " ".join(", ".join(part for part in parts if part.strip(" []|")).split())
    return "a query was expected" if kept in ("", "expected") else kept[:300]
