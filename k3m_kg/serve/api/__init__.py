"""The same over HTTP, for programs: /api/v1, described by /api/v1/openapi.json."""

from k3m_kg.serve.api import described, model, products, runs, similar
from k3m_kg.serve.explore import neighbourhood, query

ROUTERS = (
    products.router,
    model.router,
    similar.router,
    runs.router,
    neighbourhood.api,
    query.api,
    described.router,
)
