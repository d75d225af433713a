"""Where a product's pictures are, without looking into them.

What a catalog writes is data: it names files inside one folder and can never reach another.
The check is on the text: a link that the user put into the folder is followed.
"""

# One call per picture: Path objects would cost more than the look-up itself.
# ruff: noqa: PTH100, PTH116, PTH118, PTH122

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from k3m_kg.errors import UsageError
from k3m_kg.graph.stored import LocatedImage

_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|data:", re.IGNORECASE)
_HTTP = re.compile(r"(?:https?:)?//", re.IGNORECASE)
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
"""Endings that a picture found by its product's id may have."""


class Collection(ABC):
    """Pictures that were given with `--images`: a folder or an archive.

    A picture is looked for by its path in the collection, then by its file name alone (that of a
    path or of a URL), then by the product's id with any picture's ending.
    """

    def __call__(self, product: str, written: tuple[str, ...]) -> tuple[LocatedImage, ...]:
        """The pictures of one product, in order; at most one more than was written: by its id."""
        located = tuple(self._locate(text) for text in written)
        if any(image.path for image in located):
            return located
        by_id = self._name_by_id(product)
        if by_id is None:
            return located
        # It stands for the first picture as written, where there is one.
        return (self._file(written[0] if written else by_id, by_id), *located[1:])

    def _locate(self, text: str) -> LocatedImage:
        is_url = _URL.match(text) is not None
        path = (unquote(_path_of(text)) if is_url else text).replace("\\", "/")
        name = path.rstrip("/").rpartition("/")[2]
        candidates = [name] if is_url else [path.lstrip("/"), name]
        failures = []
        for candidate in candidates:
            if candidate:
                found = self._file(text, candidate)
                if found.path is not None:
                    return found
                failures.append(found)
        return LocatedImage(text) if is_url or not failures else failures[0]

    @abstractmethod
    def _file(self, written: str, relative: str) -> LocatedImage:
        """The picture of that path or name in the collection."""

    @abstractmethod
    def _name_by_id(self, product: str) -> str | None:
        """What `_file` finds a product's picture by, if there is one called after its id."""


class ImageLocator(Collection):
    """Finds pictures in the folder given with `--images`, or beside the source.

    With a folder it is a `Collection`. Without one, paths are relative to the source's folder and
    URLs are not local.
    """

    def __init__(self, source: Path, folder: Path | None) -> None:
        """Prepare for one source.

        Raises:
            UsageError: `folder` is no folder.
        """
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder} is no folder", where="--images")
        self._given = folder is not None
        self._root = os.path.abspath(folder if folder is not None else source.parent)

    def _locate(self, text: str) -> LocatedImage:
        if self._given:
            return super()._locate(text)
        if _URL.match(text):
            return LocatedImage(text)
        return self._file(text, text.replace("\\", "/"))

    def _file(self, written: str, relative: str) -> LocatedImage:
        path = os.path.normpath(os.path.join(self._root, relative))
        if os.path.commonpath((self._root, path)) != self._root:
            return LocatedImage(written, error=self._outside(written))
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return LocatedImage(written, error="no such file")
        if not stat.S_ISREG(found.st_mode):
            return LocatedImage(written, error="is no file")
        return LocatedImage(written, path, found.st_size, found.st_mtime_ns)

    def _outside(self, written: str) -> str:
        error = f"lies outside of {self._root}"
        if self._given or not written.startswith("/"):
            return error
        # Shops write paths below their media folder so: "/m/h/mh01.jpg".
        return f"{error}: give the folder of the pictures with --images"

    def _name_by_id(self, product: str) -> str | None:
        return self._by_id.get(product) if self._given else None

    @cached_property
    def _by_id(self) -> dict[str, str]:
        """File name by its stem, for the pictures in the folder itself."""
        names = sorted(entry.name for entry in os.scandir(self._root))
        pairs = (os.path.splitext(name) for name in names)
        return {stem: stem + end for stem, end in pairs if end.lower() in SUFFIXES}


def is_fetchable(written: str) -> bool:
    """Whether what a catalog wrote is a URL that can be fetched: http and https."""
    return _HTTP.match(written) is not None


def _path_of(url: str) -> str:
    """The path of a URL; empty for one that cannot be split."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
