"""The neighbourhood of a product or value, one node at a time, never more than can be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import func, select
from starlette.responses import Response

from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.tables import EntityKind, entities, properties, subjects, triples
from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.problems import not_found
from k3m_kg.serve.rendering import link, page
from k3m_kg.serve.site import SiteOf

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["graph"])
NEIGHBOURS = 30
"""Of one node, shown at once."""
_LONGEST = 60
Kind = Literal["product", "value"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node.

    Attributes:
        key: unique in the graph.
        text: the product's id, or the value.
        label: short, to be shown.
        page: where it is looked at.
    """

    key: str
    kind: Kind
    text: str
    label: str
    page: str | None


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A triple."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A node with its neighbours.

    Attributes:
        left_out: neighbours that are not among them.
    """

    center: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    left_out: int


def neighbourhood(reader: GraphReader, kind: Kind, text: str, most: int) -> Neighbourhood | None:
    """A node's triples, and those that lead to it; None where there is no such node."""
    number = reader.find(EntityKind[kind.upper()], text)
    if number is None:
        return None
    connection = reader.connection
    columns = (triples.c.head, properties.c.name, triples.c.tail)
    query = select(*columns).join(properties, properties.c.id == triples.c.property)
    out = connection.execute(
        query.where(triples.c.head == number).order_by(triples.c.position).limit(most)
    ).all()
    into = connection.execute(
        query.where(triples.c.tail == number).order_by(triples.c.head).limit(most)
    ).all()
    total = 0
    for column in (triples.c.head, triples.c.tail):
        counted = select(func.count()).select_from(triples).where(column == number)
        total += connection.execute(counted).scalar_one()
    rows = [*out, *into][:most]
    numbers = {number, *(row[0] for row in rows), *(row[2] for row in rows)}
    property_of = {row[2]: row[1] for row in [*into, *out]}
    nodes = _nodes(reader, numbers, property_of)
    return Neighbourhood(
        nodes[number].key,
        list(nodes.values()),
        [GraphEdge(nodes[head].key, nodes[tail].key, name) for head, name, tail in rows],
        max(0, total - len(rows)),
    )


def _nodes(
    reader: GraphReader, numbers: set[int], property_of: dict[int, str]
) -> dict[int, GraphNode]:
    query = (
        select(entities.c.id, entities.c.kind, entities.c.text, subjects.c.title)
        .join(subjects, subjects.c.entity == entities.c.id, isouter=True)
        .where(entities.c.id.in_(numbers))
    )
    found = {}
    for number, kind, text, title in reader.connection.execute(query):
        if kind == EntityKind.PRODUCT:
            node = GraphNode(
                f"p{number}", "product", text, _short(title or text), link("/product", id=text)
            )
        else:
            name = property_of.get(number)
            to = None if name is None else link("/value", name=name, value=text)
            node = GraphNode(f"v{number}", "value", text, _short(text), to)
        found[number] = node
    return found


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@router.get("/graph")
def graph(
    request: Request,
    site: SiteOf,
    visitor: Reader,
    id: Annotated[str | None, Query(max_length=5000)] = None,
    value: Annotated[str | None, Query(max_length=5000)] = None,
) -> Response:
    """The page; without a node, of the first product."""
    kind: Kind = "product" if value is None else "value"
    text = id if value is None else value
    with site.store.reading() as reader:
        if text is None:
            first = select(entities.c.text).join(subjects, subjects.c.entity == entities.c.id)
            text = reader.connection.execute(
                first.where(subjects.c.kind == int(EntityKind.PRODUCT))
                .order_by(subjects.c.entity)
                .limit(1)
            ).scalar_one_or_none()
        found = None if text is None else reader.find(EntityKind[kind.upper()], text)
    if text is not None and found is None:
        raise not_found(kind, text)
    return page(request, "graph.html", kind=kind, start=text, most=site.settings.shown_nodes)


@api.get("/graph")
def graph_around(
    site: SiteOf,
    visitor: Reader,
    text: Annotated[str, Query(max_length=5000)],
    kind: Kind = "product",
    limit: Annotated[int, Query(ge=1, le=200)] = NEIGHBOURS,
) -> Neighbourhood:
    """A product or value with its neighbours, at most so many."""
    with site.store.reading() as reader:
        found = neighbourhood(reader, kind, text, limit)
    if found is None:
        raise not_found(kind, text)
    return found
