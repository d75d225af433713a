"""What goes wrong, as an answer: a clean page, or problem details (RFC 9457) from the API.

No answer holds a path of this machine: what errors say for the terminal is said without.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.serve.rendering import page

_PATH = re.compile(r"(?<![\w:/?=&%])(?:~|[A-Za-z]:)?[\\/](?:[^\s\\/'\":,;]+[\\/])+[^\s\\/'\":,;]*")
_TITLES = {
    400: "That cannot be understood",
    401: "Who are you?",
    403: "That is not allowed",
    404: "There is no such thing here",
    405: "That is not allowed",
    409: "That cannot be done now",
    413: "That is too large",
    415: "That cannot be understood",
    421: "Not here",
    422: "That cannot be understood",
    429: "Too much at once",
    500: "Something broke",
    503: "Busy",
    504: "That took too long",
}


class Refused(Exception):  # noqa: N818  (an answer, not a fault)
    """An answer in place of what was asked for.

    Args:
        status: of HTTP.
        message: what happened, in one sentence.
        hint: what to do about it.
        to: where to go instead, with a status of 303.
        retry: seconds after which it may work.
    """

    def __init__(
        self,
        status: int,
        message: str,
        hint: str | None = None,
        *,
        to: str | None = None,
        retry: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.to, self.retry = status, _sendable(message), to, retry
        self.hint = None if hint is None else _sendable(hint)


def _sendable(text: str) -> str:
    """Half of a character, which JSON can ask for, has no bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def not_found(what: str, name: str | int) -> Refused:
    """There is no such product, property, ..."""
    return Refused(404, f"There is no {what} {str(name)[:200]!r}.")


def public(text: str) -> str:
    """A message without paths of this machine: their last part stays."""
    return _PATH.sub(lambda found: re.split(r"[\\/]", found[0])[-1] or "…", text)


def refusal(error: K3MError) -> Refused:
    """What an error of ours is to who asked: without where it was found, which is a path mostly."""
    status = 400 if isinstance(error, UsageError) else 409
    hint = None if error.hint is None else public(error.hint)
    return Refused(status, public(error.message), hint)


def answer_of(request: Request, refused: Refused) -> Response:
    """The answer: problem details where the API was asked, else a page."""
    if refused.to is not None:
        if request.headers.get("hx-request"):  # a fragment cannot be a page: the browser goes there
            return Response(status_code=204, headers={"hx-redirect": refused.to})
        return RedirectResponse(refused.to, 303)
    title = _TITLES.get(refused.status, "That did not work")
    headers = {} if refused.retry is None else {"retry-after": str(refused.retry)}
    if request.url.path.startswith("/api/"):
        return problem(refused.status, title, refused.message, refused.hint, headers)
    fragment = request.headers.get("hx-request") is not None  # a page has no place in a page
    return page(
        request,
        "problem_part.html" if fragment else "problem.html",
        status=refused.status,
        headers=headers,
        title=title,
        message=refused.message,
        hint=refused.hint,
    )


def problem(
    status: int,
    title: str,
    detail: str,
    hint: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Problem details (RFC 9457)."""
    content: dict[str, Any] = {"title": title, "status": status, "detail": detail}
    if hint is not None:
        content["hint"] = hint
    if status == 401:
        headers = {**(headers or {}), "www-authenticate": "Bearer"}
    return JSONResponse(content, status, headers, media_type="application/problem+json")
