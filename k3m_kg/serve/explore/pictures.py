"""Pictures: decoded and drawn anew, so that nothing else than pixels leaves a catalog's files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from k3m_kg.serve.guard.access import Reader
from k3m_kg.serve.problems import Refused
from k3m_kg.serve.site import SiteOf
from k3m_kg.snapshot.thumbnails import PictureError, make_thumbnail

router = APIRouter(include_in_schema=False)
SIZES = (144, 480, 800)
"""Sides in pixels: a picture is drawn in few sizes, so that what is drawn can be kept."""
_KEPT, _KEPT_LARGE = 2000, 100
"""Pictures of the smallest size and of the others: one that does not pack has 3 bytes a pixel, so
that these are some 500 MiB at the very most."""


def _draw(path: str, content_hash: str, size: int) -> bytes:
    return make_thumbnail(Path(path), content_hash, size)


_DRAWN = {size: lru_cache(_KEPT if size == SIZES[0] else _KEPT_LARGE)(_draw) for size in SIZES}


@router.get("/picture")
def picture(
    request: Request,
    site: SiteOf,
    visitor: Reader,
    id: Annotated[str, Query(max_length=5000)],
    n: Annotated[int, Query(ge=0, lt=10_000)] = 0,
    size: Annotated[int, Query(ge=16, le=SIZES[-1])] = SIZES[0],
) -> Response:
    """A picture of a product, by its place, at least as large as `size`."""
    drawn = next(one for one in SIZES if one >= size)
    product = site.store.product(id)
    if product is None or n >= len(product.images):
        raise Refused(404, "There is no such picture.")
    image = product.images[n]
    if image.path is None or image.content_hash is None:
        raise Refused(404, "This picture cannot be shown.")
    mark = f'"{image.content_hash[:32]}-{drawn}"'
    headers = {"etag": mark, "cache-control": "private, max-age=300"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    try:
        content = _DRAWN[drawn](image.path, image.content_hash, drawn)
    except PictureError as error:
        raise Refused(404, f"This picture cannot be shown: {error}.") from None
    kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    return Response(content, media_type=kind, headers=headers)
