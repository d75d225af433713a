"""Any request to `serve` is answered: a page, or one message; never a fault of the program."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

pytest.importorskip("fastapi")
from fastapi.routing import APIRoute

from k3m_kg.serve import api, explore, review, static_files
from k3m_kg.serve.app import create_app
from k3m_kg.serve.guard import login
from tests.serve.conftest import fill

from .mutations import attempts
from .serve_inputs import Asked, asked

ROUTERS = (login.router, static_files.router, *explore.ROUTERS, *review.ROUTERS, *api.ROUTERS)
ROUTES = [
    (route.path, sorted(route.methods))
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path != "/start/quality"  # takes seconds
]


class Application:
    """The application, sent what a server would hand to it."""

    def __init__(self, url: str) -> None:
        self.app = create_app(url)
        self._loop = asyncio.new_event_loop()
        self._alive = self.app.router.lifespan_context(self.app)
        self._loop.run_until_complete(self._alive.__aenter__())

    def close(self) -> None:
        self._loop.run_until_complete(self._alive.__aexit__(None, None, None))
        self._loop.close()

    def __call__(self, wanted: Asked) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body of the answer.

        Raises:
            Exception: whatever the application does not answer itself.
        """
        return self._loop.run_until_complete(self._answer(wanted))

    async def _answer(self, wanted: Asked) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": wanted.method, "path": wanted.path, "root_path": "",
            "raw_path": wanted.path.encode("utf-8", "replace"), "query_string": wanted.query,
            "headers": wanted.headers, "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8765),
            "state": {},
        }  # fmt: skip
        left = [*wanted.body]
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if left:
                return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(dict(message))

        await self.app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in said[1:])
        return said[0]["status"], said[0]["headers"], body


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    url = f"sqlite:///{tmp_path_factory.mktemp('graph')}/shop.db"
    fill(url)
    found = Application(url)
    yield found
    found.close()


class Session(NamedTuple):
    """What a browser has after its first page."""

    cookie: bytes
    mark: str


@pytest.fixture(scope="module")
def session(application: Application) -> Session:
    page = Asked("GET", "/", b"", [(b"host", b"127.0.0.1:8765"), (b"accept", b"text/html")])
    status, headers, body = application(page)
    assert status == 200
    mark = body.partition(b'data-mark="')[2].partition(b'"')[0].decode()
    assert mark
    return Session(dict(headers)[b"set-cookie"].partition(b";")[0], mark)


FORM = (b"content-type", b"application/x-www-form-urlencoded")
HALF = b'"\\ud800"'
"""Of a character, in JSON."""


@pytest.mark.parametrize(
    ("method", "path", "header", "body", "status"),
    [
        ("POST", "/api/v1/sparql", FORM, b"query=ASK+{}" + b"&a=b" * 10, 400),
        ("GET", "/", (b"content-length", b"9" * 5_000), b"", 413),
        ("POST", "/review/undo", (b"origin", b"http://["), b"", 403),
        ("GET", f"/api/v1/proposals/{2**63}", None, b"", 422),
        ("POST", "/api/v1/proposals/next", None, b'{"having": [%d]}' % 2**63, 422),
        ("POST", "/api/v1/decisions", None, b'{"items": [%d], "answer": "accept"}' % 2**63, 422),
        ("POST", "/api/v1/proposals/next", None, b'{"property": %s}' % HALF, 422),
        ("POST", "/api/v1/decisions", None, b'{"items": [1], "answer": "skip", %s: 1}' % HALF, 422),
    ],
)  # fmt: skip
def test_what_was_a_fault_of_the_program(
    application: Application,
    session: Session,
    method: str,
    path: str,
    header: tuple[bytes, bytes] | None,
    body: bytes,
    status: int,
) -> None:
    headers = [
        (b"host", b"127.0.0.1:8765"),
        (b"cookie", session.cookie),
        (b"x-csrf-token", session.mark.encode()),
    ]
    headers.append(header or (b"content-type", b"application/json"))
    wanted = Asked(method, path, b"", headers, [body])
    assert application(wanted)[0] == status


def test_any_request_is_answered(
    application: Application, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "k3m_kg.serve")
    wrong, statuses = {}, set()
    for number in attempts(75):
        wanted = asked(number, ROUTES, *session)
        what = f"{wanted.method} {wanted.path[:80]!r} {wanted.query[:80]!r}"
        try:
            status, headers, body = application(wanted)
        except Exception as error:
            wrong[number] = f"{what}: {error!r}"[:400]
            continue
        statuses.add(status)
        if status >= 500 and status not in (503, 504):
            wrong[number] = f"{what}: {status} {body[-200:]!r}"
        if b"Traceback" in body or b"/srv/secret" in body:
            wrong[number] = f"{what}: tells of the machine"
        if b"content-security-policy" not in dict(headers):
            wrong[number] = f"{what}: no policy"
    assert not wrong, "\n".join(f"{number}: {why}" for number, why in wrong.items())
    assert {200, 403, 404, 405, 422} <= statuses
