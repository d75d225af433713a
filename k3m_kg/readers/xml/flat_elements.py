"""Elements whose elements hold none, by a plain mapping: what their trees say, in less time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection
from typing import NamedTuple

from k3m_kg.readers.mapped.fields import Field
from k3m_kg.readers.mapped.made import Made
from k3m_kg.readers.mapped.tree_plans import OddTreeError, Spoken, TreePlans
from k3m_kg.readers.memo import Memo
from k3m_kg.readers.xml.fields import TEXT, ElementTree
from k3m_kg.readers.xml.names import local_name

_TOLD = 20_000
"""Names of elements, with their attributes, for which it is kept what they say."""


class _Told(NamedTuple):
    """What an element says by its text.

    Attributes:
        key: its local name.
        name: of the property.
        missing: texts that mean "not known".
        field: what is to be done where it is no plain property.
        unit: what is written behind the text.
        spoken: what it says where it is in a language.
    """

    key: str
    name: str
    missing: frozenset[str]
    field: Field | None
    unit: str
    spoken: Spoken | None


class FlatElements:
    """What elements say, by the plans for their trees."""

    def __init__(self, plans: TreePlans) -> None:
        self._plans = plans
        self._attributes = Memo(self._attribute)
        self._told: dict[object, _Told] = {}

    def made(self, row: ElementTree) -> Made | None:
        """What an element says; None where that is not plain."""
        element = row.element
        if element is None:
            return None
        made = Made(row.line)
        properties, known = made.properties, self._told
        try:
            seen = self._of_attributes(made, element)
            last: str | None = None
            spoken: list[tuple[Spoken, str]] = []
            for inner in element:
                attributes = inner.items()
                tag = inner.tag
                told = known.get((tag, *attributes) if attributes else tag)
                if told is None:
                    told = self._tell(tag, attributes)
                key, name, missing, field, unit, in_language = told
                if key != last:
                    if key in seen:
                        return None
                    seen.add(key)
                    last = key
                    if spoken:
                        self._plans.choose(made, spoken)
                        spoken = []
                    is_spoken = in_language is not None
                elif is_spoken is (in_language is None):
                    return None
                if (tail := inner.tail) and not tail.isspace():
                    return None
                text = inner.text
                if not text or not (text := text.strip()):
                    if attributes:
                        return None
                    continue
                if unit:
                    text = f"{text} {unit}"
                if text in missing:
                    continue
                if in_language is not None:
                    spoken.append((in_language, text))
                elif field is None:
                    properties.append((name, text))
                elif not field.is_nothing:
                    made.add(field, name, text)
        except OddTreeError:
            return None
        if spoken:
            self._plans.choose(made, spoken)
        return made

    def _of_attributes(self, made: Made, element: ET.Element) -> set[str]:
        """Say what the attributes do; the names that were taken."""
        if (text := element.text) and not text.isspace():
            raise OddTreeError
        seen: set[str] = set()
        for key, text in element.items():
            local, name, missing, field = self._attributes[key]
            if local in seen:
                raise OddTreeError
            seen.add(local)
            if (text := text.strip()) and text not in missing:
                if field is None:
                    made.properties.append((name, text))
                elif not field.is_nothing:
                    made.add(field, name, text)
        return seen

    def _attribute(self, key: str) -> tuple[str, str, frozenset[str], Field | None]:
        local = local_name(key)
        return local, *self._plans.column(local)

    def _tell(self, tag: str, attributes: Collection[tuple[str, str]]) -> _Told:
        if len(self._told) >= _TOLD:
            raise OddTreeError
        key = local_name(tag)
        if not attributes:
            told = _Told(key, *self._plans.column(key), "", None)
            self._told[tag] = told
            return told
        item = {local_name(name): text for name, text in attributes}
        if len(item) < len(attributes) or TEXT in item:
            raise OddTreeError
        item[TEXT] = TEXT
        said = self._plans.said(key, item, True)
        if len(said) != 1 or said[0].key != TEXT:
            raise OddTreeError
        _, unit, name, field, spoken = said[0]
        unit = item[unit].strip() if unit is not None else ""
        told = _Told(key, name, field.missing, None if field.is_plain else field, unit, spoken)
        self._told[tag, *attributes] = told
        return told
