"""Texts in several languages: which one a product is called by, and the others kept apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from k3m_kg.readers.mapped.nested import Cell

_PATHS_KNOWN = 10_000
_OTHER = "other"
_FOR_ALL = "x_default"
"""The tag of what is meant where a language is not there."""


class Languages:
    """Chooses among the languages of a text.

    A text has its language beside it (an object with a language and a text), or behind the name of
    its column or key: `name-en_US`, `name[en]`, `name.en`, `Name EN`. The latter only for languages
    that the mapping names, since any column may end as a language is called.

    Attributes:
        found: languages that stood beside texts.
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        self.found: set[str] = set()
        self._wanted = [normal_tag(tag) for tag in wanted]
        tags = "|".join(
            re.escape(tag).replace("_", "[-_]") + ("" if "_" in tag else "(?:[-_][a-z]{2})?")
            for tag in self._wanted
        )
        self._behind = (
            re.compile(rf"(.+?)(?:[-_:@.]|\s*[\[(]|\s+)({tags})[\])]?", re.IGNORECASE | re.DOTALL)
            if self._wanted
            else None
        )
        self._known: dict[str, tuple[str, str] | None] = {}

    def parted(self, path: str) -> tuple[str, str] | None:
        """A path without the language behind it, and that language."""
        if self._behind is None:
            return None
        if path not in self._known:
            if len(self._known) > _PATHS_KNOWN:
                self._known.clear()
            found = self._behind.fullmatch(path)
            name = found[1].strip() if found else ""
            self._known[path] = (name, normal_tag(found[2])) if found and name else None
        return self._known[path]

    def chosen(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells with each text in its best language, and others under names of their own."""
        cells = list(cells)
        placed: list[tuple[str, str] | None] = []
        best: dict[str, tuple[float, str]] = {}
        for cell in cells:
            place = self._place(cell)
            placed.append(place)
            if place is not None:
                path, tag = place
                rank = (language_rank(tag, self._wanted or ("en",)), tag)
                if path not in best or rank < best[path]:
                    best[path] = rank
        if not best:
            return cells
        return [self._told(cell, place, best) for cell, place in zip(cells, placed, strict=True)]

    def _place(self, cell: Cell) -> tuple[str, str] | None:
        if cell.language is not None:
            tag = normal_tag(cell.language)
            self.found.add(tag)
            return cell.path, tag
        return self.parted(cell.path)

    def _told(
        self, cell: Cell, place: tuple[str, str] | None, best: dict[str, tuple[float, str]]
    ) -> Cell:
        if place is None:
            rank = best.get(cell.path, (float("inf"), ""))[0]
            if cell.path in best and not (self._wanted and rank == float("inf")):
                # It says no language, beside others that do.
                apart = f"{cell.path}.{_OTHER}"
                return cell._replace(path=apart, name=f"{cell.name}.{_OTHER}", origin=apart)
            return cell
        path, tag = place
        if best[path] != (language_rank(tag, self._wanted or ("en",)), tag) or (
            self._wanted and best[path][0] == float("inf")
        ):
            if cell.language is None:
                return cell  # its name says the language
            apart = f"{path}.{cell.language}"
            return cell._replace(path=apart, name=f"{cell.name}.{cell.language}", origin=apart)
        if cell.language is None:
            name = self.parted(cell.name)
            return cell._replace(path=path, name=name[0] if name else cell.name)
        return cell


def language_rank(tag: str, wanted: Sequence[str]) -> float:
    """Lower is better; a language that nobody asked for is as good as any other.

    Args:
        tag: as `normal_tag` writes it.
        wanted: tags likewise, the best first.
    """
    for number, one in enumerate(wanted):
        if tag == one:
            return number
        if tag.startswith(f"{one}_"):
            return number + 0.5
    return len(wanted) if tag == _FOR_ALL else float("inf")


def normal_tag(tag: str) -> str:
    """A tag as it is compared: `en-US` is `en_us`."""
    return tag.strip().replace("-", "_").casefold()
