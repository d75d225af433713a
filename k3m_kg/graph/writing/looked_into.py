"""Pictures are looked into once: what the graph knows of a file, and whether it still holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from k3m_kg.graph.history.journal import IMAGE_COLUMNS, chunks
from k3m_kg.graph.stored import CheckedImage, ImageCheck, LocatedImage, Statement
from k3m_kg.graph.tables import images

Picture = tuple[
    str, str | None, int | None, int | None, str | None, int | None, int | None, str | None
]
"""source, path, size, mtime_ns, content_hash, width, height, error"""
Pictures = Sequence[Picture]
_UNCHECKED = CheckedImage()


def stored_pictures(connection: Connection, entities: Iterable[int]) -> dict[int, list[Picture]]:
    """The pictures that the union shows of some products, in order."""
    columns = [images.c[name] for name in IMAGE_COLUMNS if name not in ("position", "run")]
    found: dict[int, list[Picture]] = {}
    for chunk in chunks(entities):
        for product, *rest in connection.execute(
            select(*columns)
            .where(images.c.product.in_(chunk))
            .order_by(images.c.product, images.c.position)
        ):
            found.setdefault(product, []).append(tuple(rest))
    return found


def picture_of(row: tuple[Any, ...]) -> Picture:
    """The picture of a row of `images` without the product."""
    return row[1:-1]


def checked_pictures(
    stated: Iterable[Statement], known: Iterable[Pictures], check: ImageCheck
) -> dict[LocatedImage, CheckedImage]:
    """Every picture of the statements, looked into unless it is among the `known` ones."""
    checked = {image: _UNCHECKED for s in stated if s.images for image in s.images}
    if not checked:
        return checked
    for pictures in known:
        for picture in pictures:
            if (image := located(picture)) in checked:
                checked[image] = CheckedImage(*picture[4:])
    pending = [i for i, c in checked.items() if c is _UNCHECKED and i.path is not None]
    checked.update(zip(pending, check(pending), strict=True))
    return checked


def picture_rows(
    statement: Statement, checked: Mapping[LocatedImage, CheckedImage], run: int
) -> list[tuple[Any, ...]]:
    """The rows of `images`, without the product, that a statement makes."""
    return [
        (
            position,
            image.source,
            image.path,
            image.size,
            image.mtime_ns,
            (check := checked[image]).content_hash,
            check.width,
            check.height,
            image.error or check.error,
            run,
        )
        for position, image in enumerate(statement.images)
    ]


def same_pictures(
    known: Pictures,
    stated: Sequence[LocatedImage],
    checked: Mapping[LocatedImage, CheckedImage],
) -> bool:
    """Whether the pictures are the same, whenever their files were written."""
    return len(known) == len(stated) and all(
        located(picture) == image
        or (picture[0], picture[1], *picture[4:])
        == (
            image.source,
            image.path,
            checked[image].content_hash,
            checked[image].width,
            checked[image].height,
            image.error or checked[image].error,
        )
        for picture, image in zip(known, stated, strict=True)
    )


def touched_since(picture: Picture, image: LocatedImage) -> bool:
    """Whether the file of the same picture was written again."""
    return located(picture) != image


def located(picture: Picture) -> LocatedImage:
    """Where the picture is, as it was found before anyone looked into the file."""
    source, path, size, mtime_ns, _, _, _, error = picture
    return LocatedImage(source, path, size, mtime_ns, None if path is not None else error)
