"""Which subjects a source has stated so far, and on which line: a few bytes for each."""

from __future__ import annotations

from array import array


class SeenSubjects:
    """Lines by entity. Entities from `first_new` on are many and dense, older ones may be few."""

    def __init__(self, first_new: int) -> None:
        self._first_new = first_new
        self._old: dict[int, int] = {}
        self._new = array("q")

    def line(self, entity: int) -> int | None:
        """The line that stated `entity`, or None."""
        place = entity - self._first_new
        if place < 0:
            return self._old.get(entity)
        if place >= len(self._new) or self._new[place] < 0:
            return None
        return self._new[place]

    def add(self, entity: int, line: int) -> None:
        """Note that `line` (not negative) stated `entity`."""
        place = entity - self._first_new
        if place < 0:
            self._old[entity] = line
            return
        if place >= len(self._new):
            self._new.extend([-1] * (place + 1 - len(self._new)))
        self._new[place] = line
