"""The real server, for a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k3m_kg.serve.app import create_app
from k3m_kg.serve.asking.desk import Answers
from k3m_kg.serve.site import Site


@contextmanager
def served(url: str, answers: Answers | None = None) -> Iterator[str]:
    """The address of the application over a graph; `answers` are in place of a model."""
    import uvicorn

    app = create_app(url, None if answers is None else Path("model"))
    if answers is not None:
        site: Site = app.state.site
        site.answers = lambda: answers
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    started = threading.Event()
    startup = server.startup

    async def told(sockets: object = None) -> None:
        await startup(sockets=None)
        started.set()

    server.startup = told  # type: ignore[method-assign, assignment]
    thread = threading.Thread(target=server.run)
    thread.start()
    started.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
