"""Categories and the like with those above them, wherever a source says what lies above what."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

_LEVELS = 30
Key = TypeVar("Key", bound=Hashable)


def path_from_top(key: Key | None, above: Callable[[Key], tuple[str, Key | None] | None]) -> str:
    """The names from the outermost level down to `key`, as `Kitchen > Mugs`; empty without any.

    It ends where a level lies in itself, and after 30 levels.

    Args:
        key: of the innermost level.
        above: the name of a level (one that is empty is left out) and the key of the one above it;
            None of a level that is not known.
    """
    names: list[str] = []
    seen: set[Key] = set()
    while key is not None and key not in seen and len(seen) < _LEVELS:
        seen.add(key)
        if (found := above(key)) is None:
            break
        name, key = found
        if name:
            names.append(name)
    return " > ".join(reversed(names))
