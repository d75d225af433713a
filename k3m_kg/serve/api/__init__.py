"""The same over HTTP, for programs: /api/v1, described by /api/v1/openapi.json."""

from k3m_kg.serve.api import runs

ROUTERS = (runs.router,)
