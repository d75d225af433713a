"""The pages that show the graph."""

from k3m_kg.serve.explore import start

ROUTERS = (start.router,)
