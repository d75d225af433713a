"""The pages that show the graph."""

from k3m_kg.serve.explore import (
    browse,
    neighbourhood,
    pictures,
    product,
    properties,
    proposals,
    query,
    runs,
    similar,
    start,
)

ROUTERS = (
    start.router,
    browse.router,
    product.router,
    pictures.router,
    proposals.router,
    similar.router,
    properties.router,
    runs.router,
    neighbourhood.router,
    query.router,
)
