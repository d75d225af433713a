"""From a template to an answer. Every text is escaped, and a catalog's shown by `text`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from k3m_kg import __version__
from k3m_kg.pages import html
from k3m_kg.serve.guard.roles import Role

HERE = Path(__file__).parent
STATIC = HERE / "static"


def page(
    request: Request,
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page, or a fragment of one, from `templates/`.

    Templates know, besides `context`: `visitor`, `mark` (what a form must carry), `path` (of the
    request), `Role`, and the functions of this module.
    """
    visitor = request.scope["state"]["visitor"]
    content = (
        _environment()
        .get_template(template)
        .render(
            visitor=visitor,
            mark=request.app.state.site.sessions.mark(visitor),
            path=request.url.path,
            site=request.app.state.site,
            **context,
        )
    )
    return HTMLResponse(content, status, headers)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "text": text,
        "plain": plain,
        "count": count,
        "percent": percent,
        "plural": plural,
    }
    made.globals |= {
        "Role": Role,
        "asset": asset,
        "link": link,
        "version": __version__,
    }
    return made


def text(given: object, longest: int = 200) -> Markup:
    """A catalog's text: cut, escaped, and kept from turning what stands around it."""
    return Markup(html.text(str(given), longest))  # noqa: S704  (escaped there)


def plain(given: object, longest: int = 200) -> str:
    """As `text` where there can be no elements, such as in the title of a page."""
    return html.plain(str(given), longest)


def count(number: int) -> str:
    """1,234,567."""
    return f"{number:,}"


def plural(number: int, one: str, several: str | None = None) -> str:
    """`1 product`, `2 products`."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def percent(share: float, digits: int = 0) -> str:
    """12 %, never 100 % of what is not all, nor 0 % of what is something."""
    shown = f"{100 * share:.{digits}f}"
    if share < 1 and float(shown) == 100:
        return f">{100 - 10**-digits:.{digits}f} %"
    if share > 0 and float(shown) == 0:
        return f"<{10**-digits:.{digits}f} %"
    return f"{shown} %"


def link(path: str, **query: object) -> str:
    """A path with its query; what is None is left out, a list comes repeated.

    Names and values of a catalog are always in the query: a path would lose their dots and
    slashes.
    """
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


@cache
def asset(name: str) -> str:
    """The address of a static file, another one whenever its content is."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
