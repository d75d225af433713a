"""Where a product's pictures are, without looking into them.

What a catalog writes is data: it names files inside one folder and can never reach another.
The check is on the text: a link that the user put into the folder is followed.
"""

# One call per picture: Path objects would cost more than the look-up itself.
# ruff: noqa: PTH100, PTH116, PTH118, PTH208

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from k3m_kg.errors import UsageError
from k3m_kg.graph.stored import LocatedImage
from k3m_kg.graph.writing.writer import Locate
from k3m_kg.pictures.names import NameFound, PictureNames

_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|data:", re.IGNORECASE)
_HTTP = re.compile(r"(?:https?:)?//", re.IGNORECASE)
NO_FILE = "no such file"
"""Why there is no picture, where nothing lies under its name."""
_LISTED = 1000


class Collection(ABC):
    """Pictures that were given with `--images`: a folder or an archive.

    A picture is looked for by its path in the collection, then by its file name alone (that of a
    path or of a URL) in any folder, then by both once more without minding Unicode form, letter
    case and percent-encoding, then by the product's id with any picture's ending.
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
        path = (unquote(_path_of(text)) if is_url else text).replace("\\", "/").strip("/")
        found = self._find(text, path) if path else LocatedImage(text)
        return LocatedImage(text) if is_url and found.path is None else found

    @abstractmethod
    def _find(self, written: str, path: str) -> LocatedImage:
        """The picture of that path or name in the collection."""

    @abstractmethod
    def _file(self, written: str, relative: str) -> LocatedImage:
        """The picture at exactly that path in the collection."""

    @abstractmethod
    def _name_by_id(self, product: str) -> str | None:
        """What `_file` finds a product's picture by, if there is one called after its id."""

    def _named(self, written: str, name: NameFound, missing: LocatedImage) -> LocatedImage:
        """The picture that was found by its name; `missing` where none was."""
        if name.path is None:
            return missing
        found = self._file(written, name.path)
        return replace(found, near=name.near, by_last_name=name.by_last_name)


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
        self._listed: dict[str, PictureNames] = {}

    def _locate(self, text: str) -> LocatedImage:
        if self._given:
            return super()._locate(text)
        if _URL.match(text):
            return LocatedImage(text)
        found = self._file(text, text.replace("\\", "/"))
        if found.error != NO_FILE:
            return found
        folder, _, last = text.replace("\\", "/").rpartition("/")
        name = self._names_in(folder).find(last)
        path = None if name.path is None else f"{folder}/{name.path}" if folder else name.path
        return self._named(text, name._replace(path=path), found)

    def _find(self, written: str, path: str) -> LocatedImage:
        found = self._file(written, path)
        if found.path is not None:
            return found
        name = self._names.find(path)
        if name.several:
            found = LocatedImage(written, error="several files of that name in the folder")
        return self._named(written, name, found)

    def _file(self, written: str, relative: str) -> LocatedImage:
        path = os.path.normpath(os.path.join(self._root, relative))
        if os.path.commonpath((self._root, path)) != self._root:
            return LocatedImage(written, error=self._outside(written))
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return LocatedImage(written, error=NO_FILE)
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
        return self._names.of_product(product) if self._given else None

    @cached_property
    def _names(self) -> PictureNames:
        """Of all files in the folder; of a folder that is a link, none."""
        found = []
        for folder, _, names in os.walk(self._root):
            below = os.path.relpath(folder, self._root).replace(os.sep, "/")
            found += names if below == "." else [f"{below}/{name}" for name in names]
        return PictureNames(found)

    def _names_in(self, folder: str) -> PictureNames:
        """Of the files in one folder."""
        if folder not in self._listed:
            if len(self._listed) >= _LISTED:
                self._listed.clear()
            try:
                names = os.listdir(os.path.join(self._root, folder))
            except (OSError, ValueError):
                names = []
            self._listed[folder] = PictureNames(names)
        return self._listed[folder]


class OneFileOneAddress:
    """Another locator's pictures, where a file that was found by its name alone stands for one.

    `.../prodX/main.jpg` and `.../prodY/main.jpg` are two pictures. A folder with one `main.jpg` has
    the first of them at most; the second says so.
    """

    def __init__(self, locate: Locate, *, leave_open: bool) -> None:
        """Begin with no file given to any address.

        Args:
            locate: the other locator.
            leave_open: a URL that would get a file of another one is left to be fetched.
        """
        self._locate = locate
        self._leave_open = leave_open
        self._address_of: dict[tuple[str, str], str] = {}

    def __call__(self, product: str, written: tuple[str, ...]) -> tuple[LocatedImage, ...]:
        """The pictures of one product, in order."""
        return tuple(map(self._checked, self._locate(product, written)))

    def _checked(self, image: LocatedImage) -> LocatedImage:
        if image.path is None or not image.by_last_name:
            return image
        address = _address(image.source)
        # Files of an archive that are alike are one file in the store, whatever their names.
        first = self._address_of.setdefault((image.path, _last_name(address)), address)
        if first == address:
            return image
        if self._leave_open and is_fetchable(image.source):
            return LocatedImage(image.source)
        error = f"the only file of that name was taken for {first}"
        return LocatedImage(image.source, error=error)


def _address(written: str) -> str:
    """What tells two pictures apart: not the scheme, nor what is asked of a server (`?v=2`)."""
    if not is_fetchable(written):
        return written
    return written.partition("//")[2].partition("?")[0].partition("#")[0]


def _last_name(address: str) -> str:
    return normalize("NFC", unquote(address.rpartition("/")[2])).casefold()


def is_fetchable(written: str) -> bool:
    """Whether what a catalog wrote is a URL that can be fetched: http and https."""
    return _HTTP.match(written) is not None


def _path_of(url: str) -> str:
    """The path of a URL; empty for one that cannot be split."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
