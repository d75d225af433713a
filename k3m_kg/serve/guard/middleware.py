"""The guard itself: every request passes it, and every answer."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from k3m_kg.serve.guard.hosts import is_allowed, same_origin
from k3m_kg.serve.guard.roles import Role, Visitor
from k3m_kg.serve.guard.sessions import COOKIE, LASTS, Sessions
from k3m_kg.serve.problems import Refused, answer_of
from k3m_kg.serve.settings import ServeSettings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inside a page runs, whatever a catalog's text says; nothing comes from outside."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-frame-options": "DENY",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_OPEN = ("/login", "/static/", "/favicon.ico")
"""What is answered without a token."""
_API = "/api/"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_FOREIGN = ("cross-site", "same-site")
_READING = ("/api/v1/sparql",)
"""Changes nothing, and takes forms as its protocol has it."""
_MARK = "x-csrf-token"
_RETRY = 2
_NUMBER = re.compile(r"[0-9]{1,18}")
"""Python takes longer ones for an attack, as they are."""


class Guard:
    """ASGI middleware: hosts, who asks, forged requests, sizes, headers.

    It leaves `visitor` in the request's state. Forms are the pages' to check
    (`k3m_kg.serve.guard.access.Form`): their mark is in their body.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, sessions: Sessions) -> None:
        self._app, self._settings, self._sessions = app, settings, sessions
        self._allowed = {settings.host.lower(), *map(str.lower, settings.allowed_hosts)}
        self._held = 0  # bytes of the bodies of all requests that are not answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or turn it away."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookie: str | None = None
        state = scope.setdefault("state", {})
        state["visitor"] = Visitor("", None)
        # Nobody else has a use for cookies, and whoever reads them does it by Python's own reader.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        try:
            self._check_host(headers)
            visitor, cookie = self._visitor(headers)
            state["visitor"] = visitor
            self._check_role(scope, visitor)
            if scope["path"].startswith(_API) and headers.get("sec-fetch-site") in _FOREIGN:
                raise Refused(403, "Another site sent this request.")
            if scope["method"] not in _SAFE:
                self._check_sender(scope, headers, visitor)
            body = _Body(self, self._most(headers))
        except Refused as refused:
            request = Request(scope, receive)
            await answer_of(request, refused)(scope, receive, self._signed(send, cookie))
            return
        try:
            await self._app(scope, body.measured(receive), self._signed(send, cookie))
        finally:
            body.end()

    def _check_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_allowed(hosts[0], self._allowed):
            raise Refused(
                421,
                "This server does not go by that name.",
                "Whoever runs it may add the name with --allowed-host.",
            )

    def _visitor(self, headers: Headers) -> tuple[Visitor, str | None]:
        """Who asks, and a cookie to set."""
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._settings.tokens:
            role = self._sessions.role_of(secret.strip())
            if role is None:
                raise Refused(401, "This token is not known here.")
            return Visitor(_name(headers) or role.name.lower(), role), None
        known = self._sessions.read(_cookie(headers))
        if known is not None:
            return known, None
        role = None if self._settings.tokens else Role.ADMIN
        if role is not None and (name := _name(headers)):  # a program on this machine
            return Visitor(name, role), None
        return self._sessions.open("" if role is None else self._settings.user, role)

    def _check_role(self, scope: Scope, visitor: Visitor) -> None:
        path = scope["path"]
        if visitor.role is not None or path.startswith(_OPEN):
            return
        if path.startswith(_API):
            raise Refused(401, "This needs a token.", "Send it as Authorization: Bearer TOKEN.")
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = path + (f"?{query}" if query else "")
        raise Refused(303, "Log in first.", to=f"/login?to={quote(wanted, safe='')}")

    def _check_sender(self, scope: Scope, headers: Headers, visitor: Visitor) -> None:
        """Refuse what another site made a browser send."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        foreign = origin is not None and not same_origin(origin, headers.get("host", ""))
        if foreign or site not in (None, "same-origin", "none"):
            raise Refused(403, "Another site sent this request.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        marked = self._sessions.is_mark(visitor, headers.get(_MARK, ""))
        if scope["path"].startswith(_API):
            # Forms are what a browser sends anywhere without asking first.
            simple = kind in (*_FORMS, "text/plain", "")
            if visitor.session and simple and not marked and scope["path"] not in _READING:
                raise Refused(415, "Send JSON.", "Content-Type: application/json")
        elif not marked and kind not in _FORMS:
            raise Refused(403, "This form is not from here, or too old.", "Load the page again.")

    def _most(self, headers: Headers) -> int:
        """Bytes of this request's body at most.

        Raises:
            Refused: it says that it has more.
        """
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        files = kind == "multipart/form-data" or kind.startswith("image/")
        most = self._settings.max_upload if files else self._settings.max_body
        length = headers.get("content-length", "0")
        if not _NUMBER.fullmatch(length) or int(length) > most:
            raise _too_long(most)
        return most

    def hold(self, count: int) -> None:
        """So many bytes more are in memory, or fewer.

        Raises:
            Refused: 503, together they are too many.
        """
        if count > 0 and self._held + count > self._settings.max_bodies:
            raise Refused(503, "Others send too much at the moment.", retry=_RETRY)
        self._held += count

    def _signed(self, send: Send, cookie: str | None) -> Send:
        """`send` that adds what every answer has."""

        async def signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if cookie is not None and "set-cookie" not in headers:
                    headers.append("set-cookie", self.cookie(cookie))
                if "server" in headers:
                    del headers["server"]
            await send(message)

        return signed

    def cookie(self, value: str) -> str:
        """The header that sets a session."""
        return set_cookie(value, https=self._settings.https)


class _Body:
    """The body of one request, which is in memory until it is answered."""

    def __init__(self, guard: Guard, most: int) -> None:
        self._guard, self._most, self._read = guard, most, 0

    def measured(self, receive: Receive) -> Receive:
        """`receive` that ends the request when its body, or all bodies together, are too long."""

        async def measured() -> Message:
            message = await receive()
            count = len(message.get("body", b""))
            if self._read + count > self._most:
                raise _too_long(self._most)
            self._guard.hold(count)
            self._read += count
            return message

        return measured

    def end(self) -> None:
        """It is answered."""
        self._guard.hold(-self._read)


def _too_long(most: int) -> Refused:
    return Refused(413, f"At most {most:,} bytes are read of such a request.")


def set_cookie(value: str, *, https: bool) -> str:
    """The header that sets a session's cookie; without a value, ends it."""
    lasts = LASTS if value else 0
    text = f"{COOKIE}={value}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict"
    return f"{text}; Secure" if https else text


def _name(headers: Headers) -> str:
    """How a program says that who decides is called."""
    return headers.get("x-k3m-name", "")[:60].strip()


def _cookie(headers: Headers) -> str:
    """Our cookie's value, as we wrote it: without quotes.

    Python's own reader takes eight seconds for 60 KB of backslashes (CVE-2024-7592).
    """
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return value
    return ""
