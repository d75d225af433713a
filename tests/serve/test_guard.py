"""What stands before every page: hosts, roles, forged requests, sizes, headers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from k3m_kg.errors import UsageError
from k3m_kg.serve.app import create_app
from k3m_kg.serve.guard.access import form_of
from k3m_kg.serve.guard.middleware import HEADERS, Guard
from k3m_kg.serve.guard.roles import Role, Visitor
from k3m_kg.serve.guard.sessions import COOKIE, LASTS, Sessions
from k3m_kg.serve.problems import Refused, public
from k3m_kg.serve.settings import AccessToken, ServeSettings, parse_token
from tests.serve.conftest import ORIGIN, Client, mark_of

TOKENS = tuple(AccessToken(role, f"{role.name.lower()}-secret-token") for role in Role)
GUARDED = ServeSettings(tokens=TOKENS)


def in_a_loop(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it in another thread: Playwright's loop may be running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


def bearer(role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {role.name.lower()}-secret-token"}


@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/style.css", "/api/v1/runs", "/login"])
def test_every_answer_has_the_headers_that_keep_a_page_harmless(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost", 200),
        ("LOCALHOST.:80", 200),
        ("[::1]:8765", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
        ("a b", 421),
        ("[::1", 421),
    ],
)
def test_the_server_goes_by_its_own_names_only(client: TestClient, host: str, status: int) -> None:
    assert client.get("/", headers={"Host": host}).status_code == status


def test_another_name_is_allowed_by_name(client_of: Client, graph: str) -> None:
    client = client_of(graph, ServeSettings(allowed_hosts=("KG.example.org",)))
    assert client.get("/", headers={"Host": "kg.example.org"}).status_code == 200


def test_beyond_this_machine_a_token_is_needed(graph: str) -> None:
    with pytest.raises(UsageError, match="could change the graph"):
        create_app(graph, None, ServeSettings(host="0.0.0.0"))
    create_app(graph, None, ServeSettings(host="0.0.0.0", tokens=TOKENS))
    create_app(graph, None, ServeSettings(host="::1"))


def test_tokens_say_what_one_may(client_of: Client, graph: str) -> None:
    client = client_of(graph, GUARDED)
    answer = client.get("/browse?q=a%26b", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?to=%2Fbrowse%3Fq%3Da%2526b",
    )
    answer = client.get("/api/v1/runs")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/api/v1/runs", headers={"Authorization": "Bearer x"}).status_code == 401
    assert client.get("/api/v1/runs", headers=bearer(Role.READER)).status_code == 200


def test_one_logs_in_with_name_and_token_and_out_again(client_of: Client, graph: str) -> None:
    client = client_of(graph, GUARDED)
    form = {
        "csrf": mark_of(client, "/login"),
        "to": "//evil.example",
        "name": " Ann  B ",
        "token": "x",
    }
    assert client.post("/login", data=form).status_code == 401
    form["token"] = "reviewer-secret-token"
    answer = client.post("/login", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly; SameSite=Strict" in cookie
    text = client.get("/").text
    assert "<bdi>Ann B</bdi> · reviewer" in text
    client.post("/logout", data={"csrf": mark_of(client)})
    assert client.get("/", follow_redirects=False).status_code == 303


def test_a_session_ends_and_none_can_be_made_up() -> None:
    now = [1000.0]
    sessions = Sessions(TOKENS, lambda: now[0])
    visitor, cookie = sessions.open("Ann", Role.READER)
    assert sessions.read(cookie) == visitor
    assert sessions.read("x" + cookie) is None
    assert sessions.read("") is None
    assert Sessions(TOKENS).read(cookie) is None
    now[0] += LASTS + 1
    assert sessions.read(cookie) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    form = {"csrf": mark_of(client, "/login"), "to": "/", "name": "a", "token": "b"}
    assert client.post("/login", data=form, headers=headers).status_code == 403
    assert client.post("/login", data=form, headers={"Origin": ORIGIN}).status_code == 401


def test_a_form_without_the_session_s_mark_is_refused(client: TestClient) -> None:
    form = {"csrf": mark_of(client, "/login"), "to": "/", "name": "a", "token": "b"}
    assert client.post("/login", data={**form, "csrf": "x"}).status_code == 403
    client.cookies.delete(COOKIE)
    assert client.post("/login", data=form).status_code == 403


def test_every_page_that_takes_a_form_checks_its_mark(client: TestClient) -> None:
    def called(dependant: object) -> set[object]:
        inner = dependant.dependencies  # type: ignore[attr-defined]
        return {dependant.call}.union(*map(called, inner))  # type: ignore[attr-defined]

    app = client.app
    for route in _routes(app.routes):  # type: ignore[attr-defined]
        unsafe = route.methods - {"GET", "HEAD"}
        if unsafe and not route.path.startswith("/api/"):
            assert form_of in called(route.dependant), route.path


def _routes(routes: object) -> list[APIRoute]:
    found = []
    for route in routes:  # type: ignore[attr-defined]
        if isinstance(route, APIRoute):
            found.append(route)
        else:
            inner = getattr(getattr(route, "original_router", None), "routes", [])
            found += _routes(inner)
    return found


def test_a_body_beyond_the_limit_is_refused(client_of: Client, graph: str) -> None:
    client = client_of(graph, ServeSettings(max_body=1000))
    form = {"csrf": mark_of(client, "/login"), "to": "/", "name": "a" * 2000, "token": "b"}
    assert client.post("/login", data=form).status_code == 413

    def pieces() -> object:
        yield from [b"to=" + b"a" * 100] * 50

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/login", content=pieces(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413


def test_a_session_is_read_as_we_wrote_it_and_no_cookie_goes_further() -> None:
    """Python's own reader of cookies takes eight seconds for 60 KB of backslashes."""
    sessions, seen = Sessions(()), list[tuple[Visitor, bool]]()
    _, value = sessions.open("Ada", Role.REVIEWER)

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["state"]["visitor"], Headers(scope=scope).get("cookie") is None))

    odd = 'a="' + "\\" * 100 + f'"; b; ; =; {COOKIE}={value}; c={COOKIE}=x'
    headers = [(b"host", b"localhost"), (b"cookie", b"d=1"), (b"cookie", odd.encode())]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    in_a_loop(Guard(inside, ServeSettings(), sessions)(scope, None, None))  # type: ignore[arg-type]
    ((visitor, without),) = seen
    assert (visitor.name, visitor.role, without) == ("Ada", Role.REVIEWER, True)


def test_bodies_that_wait_for_an_answer_are_bounded_together() -> None:
    """As pictures that are searched for, each of 16 MiB, on 500 connections."""
    settings = ServeSettings(max_body=1000, max_bodies=1500)
    go_on, said = asyncio.Event(), list[int]()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Refused as refused:
            said.append(refused.status)
        else:
            await go_on.wait()
            said.append(200)

    async def asked(size: int) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": bytes(size)}

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/api/v1/match", "headers": headers}
        await guard(scope, receive, None)  # type: ignore[arg-type]

    async def all_of_them() -> None:
        first = asyncio.create_task(asked(1000))
        await asyncio.sleep(0)
        await asked(600)
        second = asyncio.create_task(asked(500))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, second)
        await asked(1000)

    guard = Guard(slow, settings, Sessions(()))
    in_a_loop(all_of_them())
    assert said == [503, 200, 200, 200]


@pytest.mark.parametrize("text", ["guest=" + "x" * 20, "reader=short", "x", "admin=" + "é" * 20])
def test_a_token_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_token(text)


def test_a_secret_alone_is_an_admin_s() -> None:
    assert parse_token("x" * 20) == AccessToken(Role.ADMIN, "x" * 20)
    assert parse_token("reader=" + "x" * 20).role == Role.READER


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot read /srv/secret/a.db: no", "cannot read a.db: no"),
        ("'/srv/a b/c.db' is gone", "'a b/c.db' is gone"),
        (r"C:\Users\ann\g.db is gone", "g.db is gone"),
        ("~/models/first is gone", "first is gone"),
        ("km/h and 3/4 and http://a.b/c stay", "km/h and 3/4 and http://a.b/c stay"),
    ],
)
def test_messages_lose_their_paths(said: str, shown: str) -> None:
    assert public(said) == shown


def test_an_unknown_page_is_a_clean_page(client: TestClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    answer = client.get("/nowhere", headers={"HX-Request": "true"})
    assert answer.text.startswith('<p class="notice bad"')
    answer = client.get("/api/v1/nowhere")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_files_of_the_package_are_served_by_name_alone(client: TestClient) -> None:
    assert (
        client.get("/static/vendor/htmx.min.js")
        .headers["content-type"]
        .startswith("text/javascript")
    )
    for name in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "vendor", "vendor/vendor.json", ""):
        assert client.get(f"/static/{name}").status_code == 404
