"""The application: its parts put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from k3m_kg import __version__
from k3m_kg.errors import K3MError
from k3m_kg.graph.store import GraphStore
from k3m_kg.serve import api, explore, review, static_files
from k3m_kg.serve.guard import login
from k3m_kg.serve.guard.middleware import Guard
from k3m_kg.serve.guard.sessions import Sessions
from k3m_kg.serve.problems import Refused, answer_of, refusal
from k3m_kg.serve.settings import ServeSettings
from k3m_kg.serve.site import Site

_LOG = logging.getLogger("k3m_kg.serve")


def create_app(
    store_url: str, model: Path | None = None, settings: ServeSettings | None = None
) -> FastAPI:
    """The application over one graph.

    Args:
        store_url: of the database.
        model: an artifact that proposes and explains; without it there are the pages of the graph.

    Raises:
        UsageError: the settings would not be safe.
        GraphError: there is no graph.
    """
    settings = settings or ServeSettings()
    settings.check()
    sessions = Sessions(settings.tokens)
    site = Site(GraphStore.open(store_url), model, settings, sessions)

    @asynccontextmanager
    async def alive(app: FastAPI) -> AsyncIterator[None]:
        site.start()
        try:
            yield
        finally:
            site.close()

    app = FastAPI(
        title="k3m-kg",
        version=__version__,
        summary="A product knowledge graph, and the model that completes it.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads from elsewhere; `/api` is ours
        redoc_url=None,
        lifespan=alive,
    )
    app.state.site = site
    for router in (
        login.router,
        static_files.router,
        *explore.ROUTERS,
        *review.ROUTERS,
        *api.ROUTERS,
    ):
        app.include_router(router)
    _answer_errors(app)
    app.add_middleware(Guard, settings=settings, sessions=sessions)
    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return answer_of(request, error)

    @app.exception_handler(K3MError)
    async def ours(request: Request, error: K3MError) -> Response:
        return answer_of(request, refusal(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        what = "There is no such page." if error.status_code == 404 else str(error.detail)
        return answer_of(request, Refused(error.status_code, what))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return answer_of(request, Refused(422, f"{where}: {first['msg']}."))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        # The traceback goes to the server's own log; who asked learns nothing of the machine.
        _LOG.error("a bug, at %s", request.url.path, exc_info=error)
        return answer_of(
            request, Refused(500, "This is a fault of the program.", "Whoever runs it sees more.")
        )
