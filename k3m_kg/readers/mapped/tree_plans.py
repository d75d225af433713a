"""Trees by a plain mapping: what `Products` makes of them too, in less time.

What an object says that lies in a field depends on its keys, and on the texts of those that name
something: `{"name": "Colour", "value": "red"}` is a colour. So it is worked out once, by giving a
stand-in of it to `Trees`, and kept for all objects of that kind in that field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from k3m_kg.readers.cells import unstorable
from k3m_kg.readers.mapped.fields import Field, Fields
from k3m_kg.readers.mapped.languages import Languages, language_rank, normal_tag
from k3m_kg.readers.mapped.made import Made
from k3m_kg.readers.mapped.nested import (
    MAX_NAME,
    BadTree,
    Cell,
    Trees,
    scalar_text,
)
from k3m_kg.readers.mapped.objects import NAMING_KEYS, VALUE_KEYS
from k3m_kg.readers.memo import Memo

_FORMS = 10_000
_PLANS_OF_FORM = 2_000
"""Names that objects in one field may have for which it is kept what they say."""
_STANDS_FOR = re.compile("\ue000([0-9]+)\ue001(?: \ue000([0-9]+)\ue001)?")


class Spoken(NamedTuple):
    """What is said in a language.

    Attributes:
        rank: of the language, the lowest is the best.
        best: name and field, if no other language is better.
        apart: name and field, if one is.
    """

    rank: tuple[float, str]
    best: tuple[str, Field]
    apart: tuple[str, Field]


class Said(NamedTuple):
    """What an object says.

    Attributes:
        key: of the text.
        unit: key of the unit that is written behind it.
        name: of the property.
        spoken: what it is where it is in a language.
    """

    key: str
    unit: str | None
    name: str
    field: Field
    spoken: Spoken | None


class _Form:
    """Objects of certain keys in a field."""

    __slots__ = ("naming", "plans")

    def __init__(self, naming: tuple[str, ...]) -> None:
        self.naming = naming
        self.plans: dict[tuple[str, ...] | str, list[Said] | None] = {}


class OddTreeError(Exception):
    """What a tree says, only `Trees` can tell."""


class TreePlans:
    """What trees say by a mapping that has no pairs, cells, languages or unprefixed fields.

    Args:
        see: notes the paths of fields that are there.
    """

    def __init__(
        self, trees: Trees, fields: Fields, languages: Languages, see: Callable[..., None]
    ) -> None:
        self._trees = trees
        self._fields = fields
        self._languages = languages
        self._see = see
        self._columns = Memo(self.column)
        self._forms: dict[tuple[Any, ...], _Form] = {}

    def made(self, tree: dict[str, Any], line: int) -> Made | None:
        """What a tree says; None where that is not plain.

        Raises:
            BadTree: it holds bytes that are no text.
        """
        made = Made(line)
        properties, columns = made.properties, self._columns
        whole: list[str] = []
        try:
            for key, value in tree.items():
                kind = type(value)
                if kind is list:
                    self._list(made, whole, key, value)
                    continue
                if kind is dict:
                    whole.append(_joined(value))
                    for said in self.said(key, value, False):
                        _say(made, said, value)
                    continue
                text = value.strip() if kind is str else scalar_text(value)
                if text:
                    name, missing, field = columns[key]
                    if text not in missing:
                        whole.append(text)
                        if field is None:
                            properties.append((name, text))
                        elif not field.is_nothing:
                            made.add(field, name, text)
        except OddTreeError:
            return None
        text = "".join(whole)
        if (not text.isascii() or "\0" in text) and unstorable((text,)):
            return None
        return made

    def _list(self, made: Made, whole: list[str], key: str, items: list[Any]) -> None:
        spoken: list[tuple[Spoken, str]] = []
        others = False
        for item in items:
            kind = type(item)
            if kind is dict:
                whole.append(_joined(item))
                for said in self.said(key, item, True):
                    if said.spoken is None:
                        others = True
                        _say(made, said, item)
                    elif (text := item[said.key].strip()) and text not in said.field.missing:
                        spoken.append((said.spoken, text))
                continue
            if kind is list or kind is tuple:
                raise OddTreeError
            others = True
            if text := item.strip() if kind is str else scalar_text(item):
                name, missing, field = self._columns[key]
                if text not in missing:
                    whole.append(text)
                    if field is None:
                        made.properties.append((name, text))
                    else:
                        made.add(field, name, text)
        if spoken:
            if others:
                raise OddTreeError
            self.choose(made, spoken)

    def said(self, key: str, item: dict[str, str], in_list: bool) -> list[Said]:
        """What an object of texts says.

        Raises:
            OddTreeError: only `Trees` tells it.
        """
        place = (in_list, key, *item)
        form = self._forms.get(place)
        if form is None:
            if len(self._forms) >= _FORMS:
                self._forms.clear()
            form = self._forms[place] = _Form(_naming(item))
        naming, plans = form.naming, form.plans
        by = item[naming[0]] if len(naming) == 1 else tuple([item[name] for name in naming])
        if (said := plans.get(by)) is None:
            if by not in plans and len(plans) < _PLANS_OF_FORM:
                plans[by] = said = self._planned(key, item, naming, in_list)
            if said is None:
                raise OddTreeError
        return said

    def _planned(
        self, key: str, item: dict[str, str], naming: tuple[str, ...], in_list: bool
    ) -> list[Said] | None:
        keys = list(item)
        if unstorable((key, *keys)) or not _is_plain(key):
            return None
        for_it = {
            name: text if name in naming else f"\ue000{place}\ue001"
            for place, (name, text) in enumerate(item.items())
        }
        try:
            cells = self._trees.cells({key: [for_it] if in_list else for_it})
        except BadTree:
            return None
        said = [self._of_cell(cell, key, keys) for cell in cells]
        if len(said) > 1 and any(one is None or one.spoken is not None for one in said):
            return None
        return [one for one in said if one is not None] if None not in said else None

    def _of_cell(self, cell: Cell, key: str, keys: list[str]) -> Said | None:
        found = _STANDS_FOR.fullmatch(cell.text)
        if found is None or not cell.name:
            return None
        field = self._field(cell.path, cell.origin)
        name, spoken = field.rename or cell.name, None
        if cell.language is not None:
            if cell.path != key or "." in key:
                return None
            tag = normal_tag(cell.language)
            other = self._fields.apart(f"{key}.{cell.language}", key)
            apart = other.rename or f"{cell.name}.{cell.language}", other
            spoken = Spoken((language_rank(tag, ("en",)), tag), (name, field), apart)
        unit = keys[int(found[2])] if found[2] else None
        return Said(keys[int(found[1])], unit, name, field, spoken)

    def choose(self, made: Made, spoken: list[tuple[Spoken, str]]) -> None:
        """Say texts in languages: the best one, and the others apart."""
        best = min([said.rank for said, _ in spoken])
        for said, text in spoken:
            self._languages.found.add(said.rank[1])
            name, field = said.best if said.rank == best else said.apart
            if field.is_plain:
                made.properties.append((name, text))
            else:
                made.add(field, name, text)

    def column(self, key: str) -> tuple[str, frozenset[str], Field | None]:
        """Name of the property, what is missing, and the field where that is no plain property.

        Raises:
            OddTreeError: only `Trees` tells what the text of such a field says.
        """
        if not _is_plain(key) or unstorable((key,)):
            raise OddTreeError
        field = self._field(key, key)
        return field.rename or key, field.missing, None if field.is_plain else field

    def _field(self, path: str, origin: str) -> Field:
        alias = self._trees.aliases.get(path)
        field = self._fields.of(path, origin, alias)
        self._see(path, origin, *([alias] if alias else []))
        return field


def _is_plain(key: str) -> bool:
    return isinstance(key, str) and bool(key) and key == key.strip() and len(key) <= MAX_NAME


def _naming(item: dict[str, str]) -> tuple[str, ...]:
    """The keys on whose texts it depends what an object says."""
    lower = [key.lower() for key in item]
    if not VALUE_KEYS.intersection(lower):
        return ()
    return tuple(key for key, name in zip(item, lower, strict=True) if name in NAMING_KEYS)


def _say(made: Made, said: Said, item: dict[str, str]) -> None:
    if (text := item[said.key].strip()) and said.unit is not None:
        unit = item[said.unit].strip()
        text = f"{text} {unit}" if unit else text
    if text and text not in said.field.missing:
        if said.field.is_plain:
            made.properties.append((said.name, text))
        else:
            made.add(said.field, said.name, text)


def _joined(item: dict[str, Any]) -> str:
    try:
        return "".join(item.values())
    except TypeError:  # not all are texts
        raise OddTreeError from None
