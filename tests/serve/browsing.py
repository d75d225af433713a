"""A real browser before the real server: Debian's Chromium, steered by Playwright."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from k3m_kg.serve.app import create_app
from k3m_kg.serve.asking.desk import Answers
from k3m_kg.serve.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_program() -> str | None:
    """Chromium; Debian's package where it is missing and may be installed."""
    if (found := _found()) or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return found
    with (Path(tempfile.gettempdir()) / "k3m-kg-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
        ):
            if _found() is None:
                subprocess.run(command, env=quiet, capture_output=True, check=False)
    return _found()


def _found() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


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


def faults(page: Page) -> list[str]:
    """What axe-core finds that is serious."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run()")
    return [
        f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
