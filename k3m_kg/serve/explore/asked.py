"""What a list is asked for, from an address and back into one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, unquote

from fastapi import Depends, Query

from k3m_kg.serve.browse.index import Wanted
from k3m_kg.serve.problems import Refused
from k3m_kg.serve.rendering import link

LONGEST = 2000
_MOST = 20
_Texts = Annotated[list[str], Query(max_length=_MOST)]
Lacking = Literal["title", "image", "triples"]


def pair_text(name: str, value: str) -> str:
    """A property and a value as one text of an address: `name=value`, both percent-encoded."""
    return f"{quote(name, safe='')}={quote(value, safe='')}"


@dataclass(frozen=True, slots=True)
class AskedList:
    """Which products a list shows.

    Attributes:
        facets: properties whose values are counted, besides those that always are.
        page: from 1.
    """

    wanted: Wanted
    facets: tuple[str, ...] = ()
    page: int = 1

    def link(self, path: str = "/browse", *, page: int | None = None) -> str:
        """The address of this list."""
        of = self.wanted
        return link(
            path,
            q=of.query or None,
            f=[pair_text(*pair) for pair in of.values] or None,
            lacks=of.lacks or None,
            without=of.without or None,
            category=of.category or None,
            source=of.source or None,
            facet=self.facets or None,
            page=page if page is not None and page > 1 else None,
        )

    def turned(self, page: int) -> str:
        """The address of another page of it."""
        return self.link(page=page)

    def fields(self) -> list[tuple[str, str]]:
        """Hidden fields of a form that asks for this list with something more."""
        return parse_qsl(self.link().partition("?")[2])

    def toggled(self, kind: str, item: object) -> AskedList:
        """With an item of `Wanted` more, or less where it is there."""
        before: tuple[object, ...] = getattr(self.wanted, kind)
        after = tuple(one for one in before if one != item)
        if len(after) == len(before):
            after = (*before, item)
        changed: dict[str, Any] = {kind: after}
        return replace(self, wanted=replace(self.wanted, **changed), page=1)

    def without_words(self) -> AskedList:
        """Without what was searched for."""
        return replace(self, wanted=replace(self.wanted, query=""))


def asked_list(
    q: Annotated[str, Query(max_length=LONGEST)] = "",
    f: _Texts = [],  # noqa: B006  (fastapi copies it)
    lacks: _Texts = [],  # noqa: B006
    without: Annotated[list[Lacking], Query(max_length=_MOST)] = [],  # noqa: B006
    category: _Texts = [],  # noqa: B006
    source: _Texts = [],  # noqa: B006
    facet: _Texts = [],  # noqa: B006
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> AskedList:
    """Of an address.

    Raises:
        Refused: 422, where a pair is none.
    """
    pairs = []
    for text in f:
        name, found, value = text.partition("=")
        if not found:
            raise Refused(422, "f is a property and a value: name=value, both percent-encoded.")
        pairs.append((unquote(name), unquote(value)))
    wanted = Wanted(
        q.replace("\0", " ").strip(),
        tuple(pairs),
        tuple(lacks),
        tuple(without),
        tuple(category),
        tuple(source),
    )
    return AskedList(wanted, tuple(filter(None, facet)), page)


Asked = Annotated[AskedList, Depends(asked_list)]
