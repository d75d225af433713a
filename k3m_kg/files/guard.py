"""No output overwrites an input: the question that every output of every command is asked first."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from k3m_kg.errors import UsageError
from k3m_kg.files.target import target_of

_SQLITE = b"SQLite format 3\0"
_SIDE_FILES = ("-wal", "-shm", "-journal")
_SIDE_FOLDERS = {".images": "the image store", ".sparql": "the cut for SPARQL"}
_LATEST, _SNAPSHOT = "latest", "products.arrow"
_MARKS = {"*.safetensors": "a trained model", _SNAPSHOT: "a snapshot"}
"""Files that show what a folder is, whoever made it."""
_DEEP_MARKS = {
    "a trained model": (("artifact.json", "config.yaml"), ("kge.json", "config.yaml")),
    "a snapshot": ((_SNAPSHOT, "manifest.json"),),
}
"""Of ours, those that folders within them belong to as well."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that a command must leave as it is.

    Attributes:
        what: as in "this is ...": the database, the mapping.
        path: where it is; it need not exist.
        inside: whether nothing may be written below it either.
    """

    what: str
    path: Path
    inside: bool = False


def sqlite_files(database: Path) -> list[Kept]:
    """A SQLite database with all that belongs to it."""
    named = [Kept("the database", database)]
    if not database.name:  # a folder, such as "."
        return named
    named += [
        Kept("a part of the database", database.with_name(database.name + end))
        for end in _SIDE_FILES
    ]
    named += [
        Kept(what, database.with_name(database.name + end), inside=True)
        for end, what in _SIDE_FOLDERS.items()
    ]
    return named


MOST_FOLDERS = 250
"""Python makes missing ones by a call in a call for each."""


def check_output(path: Path, kept: Iterable[Kept], *, where: str) -> None:
    """Refuse an output that is, or lies in, something that is to be kept.

    By the file itself, however it is called: symbolic and hard links are seen through. Beside what
    is named, no SQLite database, and nothing in the folder of a trained model or a snapshot, is
    ever overwritten.

    Args:
        path: the file or folder that is to be written; it need not exist.
        where: the option that names it.

    Raises:
        UsageError: it must not be written, or there can be no such path.
    """
    place = f"{where} {path}"
    try:
        _check(path, kept, place)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror or error}", where=place) from None
    except (ValueError, RuntimeError) as error:  # a NUL in it, a circle of links
        raise UsageError(f"cannot be written: {error}", where=place) from None


def _check(path: Path, kept: Iterable[Kept], place: str) -> None:
    hint = "name another place"
    target = target_of(path)
    if len(target.parts) > MOST_FOLDERS:
        raise UsageError(f"lies in more than {MOST_FOLDERS} folders", where=place, hint=hint)
    above = [target, *target.parents]
    same = {_identity(folder) for folder in above[1:]} - {None}
    own = _identity(target)
    for item in kept:
        other = item.path.resolve()
        identity = _identity(other)
        if other == target or (own is not None and identity == own):
            raise UsageError(f"this is {item.what}, which is read", where=place, hint=hint)
        if item.inside and (other in above or identity in same):
            raise UsageError(f"lies in {item.what}, which is read", where=place, hint=hint)
    if _is_sqlite(target):
        raise UsageError("this is a SQLite database", where=place, hint=hint)
    for end in _SIDE_FILES:
        if target.name.endswith(end) and _is_sqlite(Path(str(target).removesuffix(end))):
            raise UsageError("this is a part of a SQLite database", where=place, hint=hint)
    for folder in above:
        for end, what in _SIDE_FOLDERS.items():
            if folder.name.endswith(end) and _is_sqlite(Path(str(folder).removesuffix(end))):
                raise UsageError(f"lies in {what} of a database", where=place, hint=hint)
    for mark, what in _MARKS.items():
        if any(target.parent.glob(mark)):
            raise UsageError(f"lies in the folder of {what}", where=place, hint=hint)
    if target.name == _LATEST and any(target.parent.glob(f"*/{_SNAPSHOT}")):
        raise UsageError("this names the newest snapshot of its folder", where=place, hint=hint)
    for folder in above[1:]:
        for what, marks in _DEEP_MARKS.items():
            if any(all((folder / name).is_file() for name in names) for names in marks):
                raise UsageError(f"lies in the folder of {what}", where=place, hint=hint)


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode, or None where nothing is."""
    try:
        found = os.stat(path)  # noqa: PTH116  (Path.stat, without a Path for each)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    return found.st_dev, found.st_ino


def _is_sqlite(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except PermissionError:
        return False
