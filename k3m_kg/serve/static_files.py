"""Styles, scripts and the icon: files of the package, each by its name and nothing else."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter
from starlette.responses import Response

from k3m_kg.serve.problems import Refused
from k3m_kg.serve.rendering import STATIC

router = APIRouter(include_in_schema=False)
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    return {
        path.relative_to(STATIC).as_posix(): (path.read_bytes(), _TYPES[path.suffix])
        for path in STATIC.rglob("*")
        if path.suffix in _TYPES
    }


@router.get("/static/{name:path}")
def static(name: str, v: str = "") -> Response:
    """A static file; for ever under the address that `asset` gives."""
    if name not in _files():
        raise Refused(404, "There is no such file.")
    content, kind = _files()[name]
    return Response(
        content, media_type=kind, headers={"cache-control": _FOREVER if v else "no-cache"}
    )


@router.get("/favicon.ico")
def icon() -> Response:
    """What browsers ask for by themselves."""
    return static("icon.svg")
