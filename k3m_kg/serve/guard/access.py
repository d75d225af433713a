"""What routes ask for: who is here, at least as what, and a form that is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData

from k3m_kg.serve.guard.roles import Role, Visitor
from k3m_kg.serve.problems import Refused


# Not a thread's work: FastAPI takes one for each function that is not async, and waits for it.
async def visitor_of(request: Request) -> Visitor:
    """Who sent a request, as the guard found."""
    found: Visitor = request.scope["state"]["visitor"]
    return found


def at_least(role: Role) -> Callable[[Visitor], Awaitable[Visitor]]:
    """A dependency: the visitor, who has that role or one above it.

    Raises:
        Refused: 403, where they have not.
    """

    async def check(visitor: Annotated[Visitor, Depends(visitor_of)]) -> Visitor:
        if not visitor.may(role):
            raise Refused(403, f"This is for the role {role.name.lower()}.")
        return visitor

    return check


async def form_of(request: Request) -> FormData:
    """The form that a page of ours sent.

    Raises:
        Refused: 403, where it does not carry this session's mark.
    """
    form = await request.form(max_files=1, max_fields=200)
    sessions = request.app.state.site.sessions
    given = request.headers.get("x-csrf-token") or form.get("csrf")
    if not (isinstance(given, str) and sessions.is_mark(await visitor_of(request), given)):
        raise Refused(403, "This form is not from here, or too old.", "Load the page again.")
    return form


def field(form: FormData, name: str, longest: int = 10_000) -> str:
    """A field of a form.

    Raises:
        Refused: 400, where it is missing, a file, or too long.
    """
    value: Any = form.get(name)
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise Refused(400, f"The form lacks {name}, or it is too long.")
    return value


Reader = Annotated[Visitor, Depends(at_least(Role.READER))]
Reviewer = Annotated[Visitor, Depends(at_least(Role.REVIEWER))]
Admin = Annotated[Visitor, Depends(at_least(Role.ADMIN))]
Form = Annotated[FormData, Depends(form_of)]
"""For every page that is sent a form: the mark is checked before anything else."""
