"""Objects of texts by a plain mapping: what `Products` makes of them too, in less time.

What each key of an object means is worked out once for all objects of the same keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from k3m_kg.readers.cells import unstorable
from k3m_kg.readers.mapped.fields import Field
from k3m_kg.readers.mapped.nested import BadTree
from k3m_kg.readers.mapping import Mapping
from k3m_kg.readers.numbers import lost_digits
from k3m_kg.records import ProductRecord

_Place = tuple[int, frozenset[str]]


class FlatPlan:
    """Where in objects of certain keys what stands."""

    def __init__(
        self,
        id_: _Place,
        title: _Place | None,
        category: _Place | None,
        images: Sequence[_Place],
        properties: Sequence[tuple[int, str, frozenset[str]]],
    ) -> None:
        self._id = id_
        self._title = title
        self._category = category
        self._images = images
        self._properties = properties
        names = [name for _, name, _ in properties]
        self._repeats = len(set(names)) < len(names)

    def record(self, tree: dict[str, Any], line: int) -> ProductRecord | None:
        """The record of an object; None where it is not as plain as the plan, or has no good id.

        Raises:
            BadTree: it holds text that cannot be stored.
        """
        try:
            text = "".join(tree.values())
        except TypeError:  # not all are texts
            return None
        if (not text.isascii() or "\0" in text) and (why := unstorable((text,))):
            raise BadTree(why)
        values = list(map(str.strip, tree.values()))
        place, missing = self._id
        id_ = values[place]
        if id_ in missing or ("+" in id_ and lost_digits(id_)):
            return None
        pairs = [
            (name, values[place])
            for place, name, missing in self._properties
            if values[place] not in missing
        ]
        images = [values[at] for at, empty in self._images if values[at] not in empty]
        return ProductRecord(
            id_,
            _text(values, self._title),
            _text(values, self._category),
            tuple(dict.fromkeys(images)) if images else (),
            tuple(dict.fromkeys(pairs)) if self._repeats else tuple(pairs),
            line,
        )


def _text(values: Sequence[str], place: _Place | None) -> str | None:
    if place is None:
        return None
    text = values[place[0]]
    return None if text in place[1] else text


def flat_plan(mapping: Mapping, keys: Sequence[str], fields: Sequence[Field]) -> FlatPlan | None:
    """The plan for objects of these keys by a plain mapping, if each key means one thing.

    Args:
        fields: what the mapping says of each key.
    """
    roles: dict[str, list[_Place]] = {}
    properties: list[tuple[int, str, frozenset[str]]] = []
    for place, (key, field) in enumerate(zip(keys, fields, strict=True)):
        if field.is_plain:
            properties.append((place, field.rename or key, field.missing))
        elif field.link is not None or field.is_split or field.is_property or len(field.roles) > 1:
            return None
        for role, _ in field.roles:
            roles.setdefault(role, []).append((place, field.missing))
    images = roles.pop("image", [])
    if set(roles) - {"id", "title", "category"} or "id" not in roles:
        return None
    if len(images) > 1 and mapping.images != [keys[place] for place, _ in images]:
        return None  # their order is that of the mapping
    return FlatPlan(
        roles["id"][0],
        roles["title"][0] if "title" in roles else None,
        roles["category"][0] if "category" in roles else None,
        images,
        properties,
    )
