"""A path that is not there: which one beside it was probably meant."""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path

from k3m_kg.errors import K3MError, listed

_SAYS_SO = re.compile(r"\bno such (?!product|run|column)|\bis no folder\b")
_IN_MESSAGE = re.compile(r"(.+?)(?:: no such | is no folder\b)")
_ALIKE = 0.7
_LOOKED_AT = 10_000
"""Names of a folder, which may hold a million pictures."""
_NAMED = 5


def with_neighbour(error: K3MError) -> K3MError:
    """The error; of a path that is not there, with what lies in its folder under a like name."""
    if error.where is None or "\0" in error.where or not _SAYS_SO.search(error.message):
        return error
    path = _path_of(error)
    meant = None
    with suppress(OSError, ValueError):
        if path is not None and path.name and not path.exists():
            meant = _meant(path)
    if meant is not None:
        error.hint = meant if error.hint is None else f"{meant}\n  {error.hint}"
    return error


def _path_of(error: K3MError) -> Path | None:
    """The path that an error is about; of an option what its message begins with."""
    assert error.where is not None
    if not error.where.startswith("--"):
        return Path(error.where)
    option, _, given = error.where.partition(" ")
    if given:
        return Path(given.partition("=")[2] if option == "--set" else given)
    found = _IN_MESSAGE.match(error.message)
    return None if found is None else Path(found[1])


def _meant(path: Path) -> str | None:
    """What to say of a path that is not there.

    Raises:
        OSError: its folder cannot be looked into.
    """
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    names = sorted(
        one.name for one in islice(path.parent.iterdir(), _LOOKED_AT) if one.name[0] != "."
    )
    folded = {name.casefold(): name for name in reversed(names)}
    alike = difflib.get_close_matches(path.name.casefold(), folded, n=1, cutoff=_ALIKE)
    if alike:
        return f"did you mean {path.with_name(folded[alike[0]])}?"
    if path.suffix:
        others = [name for name in names if name.endswith(path.suffix)]
    else:
        others = [name for name in names if (path.parent / name).is_dir()]
    if not 0 < len(others) <= _NAMED:
        return None
    return f"in {path.parent.absolute()} there is: {listed(others)}"
