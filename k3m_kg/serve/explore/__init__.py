"""The pages that show the graph."""

from k3m_kg.serve.explore import browse, pictures, product, properties, runs, start

ROUTERS = (
    start.router,
    browse.router,
    product.router,
    pictures.router,
    properties.router,
    runs.router,
)
