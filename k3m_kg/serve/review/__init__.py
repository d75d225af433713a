"""The pages where people decide, and the same for programs."""

from k3m_kg.serve.review import api, pages

ROUTERS = (pages.router, api.router)
