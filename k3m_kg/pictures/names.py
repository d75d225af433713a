"""The names of the pictures in a folder or archive, and which of them a catalog means.

A Mac writes "ü" as two characters, cameras write `IMG_1.JPG`, and shops write paths as they stand
in URLs (`My%20Mug.jpg`): a name that differs in nothing else is the one that is meant.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
"""Endings that a picture found by its product's id may have."""
_SEVERAL = ""


class NameFound(NamedTuple):
    """What a name was found by.

    Attributes:
        path: of the picture in its collection; None where there is none.
        several: there is more than one that it may mean.
        near: the picture's own name differs in Unicode form, letter case or percent-encoding.
        by_last_name: the folders of the two paths differ.
    """

    path: str | None
    several: bool = False
    near: bool = False
    by_last_name: bool = False


class PictureNames:
    """The paths in one collection, with `/` between their parts."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)

    def find(self, path: str) -> NameFound:
        """The picture of this path, else of this file name in any folder; exact ones come first."""
        last = _last(path)
        if path in self._paths:
            return NameFound(path)
        if found := self._by_name.get(last):
            return NameFound(found, by_last_name=True)
        if found := self._by_folded_path.get(_folded(path)):
            return NameFound(found, near=True)
        near = self._by_folded_name.get(_folded(last))
        if near:
            return NameFound(near, near=True, by_last_name=True)
        return NameFound(None, several=near == _SEVERAL or self._by_name.get(last) == _SEVERAL)

    def of_product(self, product: str) -> str | None:
        """The path of the picture called after a product's id, the first by name."""
        return self._by_id.get(product)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        top = {path: path for path in self._paths if "/" not in path}
        return _unambiguous((_last(path), path) for path in self._paths) | top

    @cached_property
    def _by_folded_path(self) -> dict[str, str]:
        return _unambiguous((_folded(path), path) for path in self._paths)

    @cached_property
    def _by_folded_name(self) -> dict[str, str]:
        return _unambiguous((_folded(_last(path)), path) for path in self._paths)

    @cached_property
    def _by_id(self) -> dict[str, str]:
        names = (
            (PurePosixPath(name), path) for name, path in sorted(self._by_name.items()) if path
        )
        return {name.stem: path for name, path in names if name.suffix.lower() in SUFFIXES}


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _folded(path: str) -> str:
    """What is left of a path when Unicode form, letter case and percent-encoding do not count."""
    return unicodedata.normalize("NFC", unquote(path)).casefold()


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The path for each key; `_SEVERAL` where there is more than one."""
    found: dict[str, str] = {}
    for key, path in pairs:
        found[key] = _SEVERAL if key in found else path
    return found
