"""A bounded memory of what texts were read as: catalogs repeat their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Read = TypeVar("Read")
_ENTRIES = 1 << 16
_LONGEST = 256


class Memo(dict[str, Read]):
    """`memo[text]` is `read(text)`, looked up where the text came before.

    It forgets all when it is full, and never keeps a long text.
    """

    def __init__(self, read: Callable[[str], Read]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> Read:
        found = self._read(text)
        if len(text) <= _LONGEST:
            if len(self) >= _ENTRIES:
                self.clear()
            self[text] = found
        return found
