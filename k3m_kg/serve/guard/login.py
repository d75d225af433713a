"""Coming in with a token, and leaving."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from k3m_kg.serve.guard.access import Form, field
from k3m_kg.serve.guard.middleware import set_cookie
from k3m_kg.serve.guard.sessions import LONGEST_NAME
from k3m_kg.serve.rendering import page
from k3m_kg.serve.site import SiteOf

router = APIRouter(include_in_schema=False)


def _inside(to: str) -> str:
    """`to` where it is a page of ours, else the start."""
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if inside else "/"


@router.get("/login")
def ask(request: Request, to: Annotated[str, Query(max_length=4000)] = "/") -> Response:
    """The form."""
    return page(request, "login.html", to=_inside(to), wrong=False)


@router.post("/login")
def come_in(request: Request, site: SiteOf, form: Form) -> Response:
    """A session for who knows a token."""
    to = _inside(field(form, "to"))
    name = " ".join(field(form, "name").split())[:LONGEST_NAME]
    role = site.sessions.role_of(field(form, "token"))
    if role is None or not name:
        return page(request, "login.html", status=401, to=to, wrong=True)
    _, cookie = site.sessions.open(name, role)
    header = set_cookie(cookie, https=site.settings.https)
    return RedirectResponse(to, 303, {"set-cookie": header})


@router.post("/logout")
def leave(site: SiteOf, form: Form) -> Response:
    """The end of a session."""
    header = set_cookie("", https=site.settings.https)
    return RedirectResponse("/login", 303, {"set-cookie": header})
