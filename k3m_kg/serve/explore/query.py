"""SPARQL: a page with completion, and the protocol (SPARQL 1.1 Protocol, query operation)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from k3m_kg.errors import K3MError
from k3m_kg.rdf.sparql import LONGEST
from k3m_kg.rdf.sparql_results import as_csv, as_json
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.problems import Refused, public
from k3m_kg.serve.rendering import link, page
from k3m_kg.serve.site import Site, SiteOf
from k3m_kg.vocabulary import PREFIXES, PRODUCT, PROPERTY, VALUE, mint, parse

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["sparql"])
_DRAWN = 300
_MOST_FIELDS = 10
EXAMPLES = {
    "Products with their titles": "SELECT ?product ?title WHERE {\n  ?product a schema:Product ;\n"
    "    schema:name ?title .\n} LIMIT 50",
    "Properties by how often they are used": "SELECT ?property (COUNT(*) AS ?triples) WHERE {\n"
    "  ?product a schema:Product ; ?property ?value .\n"
    "  FILTER(STRSTARTS(STR(?property), STR(property:)))\n} GROUP BY ?property "
    "ORDER BY DESC(?triples)",
    "A part of the graph": "CONSTRUCT { ?product ?property ?value } WHERE {\n"
    "  ?product a schema:Product ; ?property ?value .\n"
    "  FILTER(STRSTARTS(STR(?property), STR(property:)))\n} LIMIT 60",
}
_TYPES = {
    "application/sparql-results+json": "json",
    "application/json": "json",
    "text/csv": "csv",
    "application/n-triples": "triples",
    "text/plain": "triples",
    "application/ld+json": "jsonld",
}


@dataclass(frozen=True, slots=True)
class ShownTerm:
    """A term of an answer: as it is read, and where it leads."""

    text: str
    kind: str
    to: str | None


def shown_term(term: dict[str, str] | None) -> ShownTerm | None:
    """What a person sees of a term."""
    if term is None:
        return None
    value = term["value"]
    if term["type"] != "uri":
        return ShownTerm(value, "literal", None)
    for namespace, kind in ((PRODUCT, "product"), (PROPERTY, "property"), (VALUE, "value")):
        text = parse(namespace, value)
        if text is not None:
            to = {
                "product": link("/product", id=text),
                "property": link("/property", name=text),
            }.get(kind)
            return ShownTerm(text, kind, to)
    for prefix, namespace in PREFIXES.items():
        if value.startswith(namespace):
            return ShownTerm(f"{prefix}:{value[len(namespace) :]}", "name", None)
    return ShownTerm(value, "iri", None)


@router.get("/query")
def query(
    request: Request, site: SiteOf, visitor: Reader, query: Annotated[str, Query()] = ""
) -> Response:
    """The page, with the answer where something is asked."""
    context: dict[str, Any] = {"result": None, "problem": None, "rows": [], "drawn": None}
    status = 200
    if query.strip():
        try:
            result = site.queries.run(query)
        except K3MError as error:
            context["problem"] = public(error.message)
            context["hint"] = None if error.hint is None else _without_flags(public(error.hint))
            status = 400
        else:
            context["result"] = result
            context["rows"] = [
                [shown_term(row.get(name)) for name in result.variables or ()]
                for row in result.solutions
            ]
            if result.triples is not None:
                context["drawn"] = json.dumps(_drawn(result.triples))
    context.setdefault("hint", None)
    return page(
        request,
        "query.html",
        status=status,
        query=query,
        examples=EXAMPLES,
        seconds=site.settings.query_seconds,
        most=site.settings.query_rows,
        **context,
    )


def _without_flags(hint: str) -> str:
    """What the command line advises, without its options."""
    return hint.partition(", or raise --")[0]


def _drawn(lines: list[str]) -> dict[str, Any]:
    """Triples as nodes and edges, at most as many as can be looked at."""
    import pyoxigraph as ox

    nodes: dict[str, dict[str, Any]] = {}
    edges = []

    def node(term: Any) -> str:
        key = str(term)
        if key not in nodes:
            literal = isinstance(term, ox.Literal)
            given = {"type": "literal" if literal else "uri", "value": term.value}
            shown = shown_term(given)
            assert shown is not None
            kind = "product" if shown.kind == "product" else "value"
            nodes[key] = {
                "key": key,
                "kind": kind,
                "text": shown.text,
                "label": shown.text[:60],
                "page": shown.to,
            }
        return key

    for quad in ox.parse("\n".join(lines), ox.RdfFormat.N_TRIPLES):
        if len(nodes) >= _DRAWN:
            break
        name = shown_term({"type": "uri", "value": quad.predicate.value})
        edges.append(
            {
                "source": node(quad.subject),
                "target": node(quad.object),
                "label": "" if name is None else name.text,
            }
        )
    return {"nodes": list(nodes.values()), "edges": edges}


@router.get("/query/names")
def names(site: SiteOf, visitor: Reader) -> dict[str, list[str]]:
    """What completion offers: prefixes, and properties as they are written in a query."""
    known = site.index.get()
    found = [] if known is None else known.value.properties[:2000]
    return {
        "prefixes": [f"{prefix}:" for prefix in PREFIXES],
        "properties": [f"property:{mint(PROPERTY, one.name)[len(PROPERTY) :]}" for one in found],
        "names": [one.name for one in found],
        "terms": [
            *("schema:Product", "schema:name", "schema:category", "schema:image", "k3m:id"),
            *("SELECT", "WHERE", "FILTER", "OPTIONAL", "UNION", "GROUP BY", "ORDER BY", "LIMIT"),
            *("COUNT", "DISTINCT", "CONSTRUCT", "DESCRIBE", "ASK", "BIND", "VALUES", "MINUS"),
            *("STRSTARTS", "CONTAINS", "REGEX", "LCASE", "NOT EXISTS"),
        ],
    }


@api.get("/sparql")
def ask_by_address(
    request: Request, site: SiteOf, visitor: Reader, query: Annotated[str, Query()]
) -> Response:
    """A SPARQL 1.1 query; JSON, CSV, N-Triples or JSON-LD by the Accept header."""
    return _answer(request, site, query)


@api.post("/sparql")
async def ask_by_body(request: Request, site: SiteOf, visitor: Reader) -> Response:
    """A query as application/sparql-query, or as the field `query` of a form."""
    try:
        body = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Refused(400, "The query is no UTF-8.") from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        try:
            found = parse_qs(body, max_num_fields=_MOST_FIELDS).get("query", [])
        except ValueError:
            raise Refused(400, f"The form has more than {_MOST_FIELDS} fields.") from None
        if len(found) != 1:
            raise Refused(400, "The form has no query.")
        body = found[0]
    elif kind != "application/sparql-query":
        raise Refused(415, "Send application/sparql-query, or a form with the field query.")
    return await run_in_threadpool(_answer, request, site, body)


def _answer(request: Request, site: Site, text: str) -> Response:
    if len(text) > LONGEST:
        raise Refused(413, "The query is too long.")
    result = site.queries.run(text)
    wanted = [
        _TYPES[part.partition(";")[0].strip()]
        for part in request.headers.get("accept", "").lower().split(",")
        if part.partition(";")[0].strip() in _TYPES
    ]
    headers = {"x-truncated": "true"} if result.truncated else {}
    if result.triples is not None:
        if "triples" in wanted or "jsonld" not in wanted:
            lines = "".join(f"{line}\n" for line in result.triples)
            return Response(lines, media_type="application/n-triples", headers=headers)
        content = json.dumps(as_json(result), ensure_ascii=False)
        return Response(content, media_type="application/ld+json", headers=headers)
    if wanted[:1] == ["csv"]:
        return Response(as_csv(result), media_type="text/csv", headers=headers)
    content = json.dumps(as_json(result), ensure_ascii=False)
    return Response(content, media_type="application/sparql-results+json", headers=headers)
