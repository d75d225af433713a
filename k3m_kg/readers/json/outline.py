"""Where in a JSON document the products are, told from its first part.

Products are a list of objects, or objects under keys that name them, wherever that lies in objects;
or the document is one object after the other, each a product, or each a page with such a list.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from k3m_kg.readers.json.frames import is_split
from k3m_kg.readers.mapped.guessing.usual_names import guess_columns

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},:]', re.DOTALL)
"""A text, which may end with what is looked at, or a mark."""
_USUAL = frozenset(
    (
        "products", "items", "product", "data", "results", "offers", "entries", "records", "rows",
        "hits", "catalog", "articles", "skus", "listings", "produkte", "artikel", "docs", "goods",
        "list", "productlist", "itemlist", "elements", "content", "documents",
    )
)  # fmt: skip
"""Keys of the products; of `edges` and `nodes` the key above counts."""
_WITHIN = frozenset(("edges", "nodes", "node", "hits", "item", "product"))
_OF_PAGES = frozenset(
    (
        "page", "pages", "count", "total", "next", "previous", "prev", "offset", "limit", "cursor",
        "has_more", "hasmore", "status", "per_page", "page_size", "pagesize", "meta", "links",
        "pageinfo", "pagination", "total_pages", "success", "took", "timed_out", "error", "message",
        "included", "jsonapi",
    )
)  # fmt: skip
_OWN = frozenset(("id", "sku", "code", "title", "name", "asin", "_id", "item_id", "product_id"))
_RESOURCE = frozenset(("type", "id", "attributes"))
OUTLINED = 1 << 20
"""Characters that tell where the products are."""
_SHAPES = 20
_PLACES = 100
_DEEPEST = 30
_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class Outline:
    """What a document is.

    Attributes:
        kind: `list` and `keyed` at the end of `keys`, or `objects`: one after the other; `one`
            resource of JSON:API; or a table of pandas: `columns` (an object of objects by number),
            `split` (lists in `data`).
        keys: of the objects around the products.
        is_paged: several such documents stand one after the other.
        is_sure: nothing else in it looks as if it could be the products, or these are called so.
        is_named: products under keys say by a field of their own how they are called.
        others: paths of other lists of objects.
        columns: of a table in parts.
    """

    kind: Literal["list", "keyed", "objects", "one", "columns", "split"]
    keys: tuple[str, ...] = ()
    is_paged: bool = False
    is_sure: bool = True
    is_named: bool = True
    others: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class _Box:
    """An array or object that is open, or was."""

    is_list: bool
    path: tuple[str, ...] | None
    start: int
    key: str | None = None
    valued: bool = False
    objects: int = 0
    scalars: int = 0
    others: int = 0
    keys: set[str] = field(default_factory=set)
    shapes: list[frozenset[str]] = field(default_factory=list)
    end: int = 0

    def ended_member(self) -> None:
        """A member ends: one of which nothing was seen is a number or the like."""
        if self.key is not None and not self.valued:
            self.scalars += 1
        self.key, self.valued = None, False

    @property
    def may_be_keyed(self) -> bool:
        """Whether all members are objects that are alike."""
        if self.is_list or self.objects < 2 or self.others or self.scalars or not self.shapes:
            return False
        pairs = list(zip(self.shapes, self.shapes[1:], strict=False))
        alike = sum(len(a & b) >= _ALIKE * max(min(len(a), len(b)), 1) for a, b in pairs)
        return len(self.shapes) > 1 and alike * 2 > len(pairs)


def outline(text: str) -> Outline | None:
    """What a document that begins so is; None where no product can be made out.

    Args:
        text: its first part, from its first bracket on.
    """
    if text.startswith("["):
        return Outline("list")
    tops, boxes = _read(text)
    if not tops:
        return None
    if (frame := _frame(text, tops, boxes)) is not None:
        return frame
    if len(tops) == 1 and any(box.path == ("data",) and box.keys >= _RESOURCE for box in boxes):
        return Outline("one", ("data",))
    found = _candidates(boxes, len(text))
    first = tops[0]
    best = _best(found)
    if best is None or (first.keys & _OWN and not _is_usual(best.path)):
        return Outline("objects") if len(tops) > 1 or first.keys & _OWN else None
    path = best.path or ()
    if len(tops) > 1:
        is_paged = _is_usual(path) and all(
            {key.lower() for key in top.keys} <= _OF_PAGES | {path[0].lower()} for top in tops[:-1]
        )
        if not is_paged:
            return Outline("objects")
    is_keyed = not best.is_list
    others = tuple(".".join(box.path or ()) for box in found if box is not best and box.is_list)
    return Outline(
        "keyed" if is_keyed else "list",
        path,
        is_paged=len(tops) > 1,
        is_sure=not others or _is_usual(path),
        is_named=not is_keyed or all("id" in guess_columns(list(keys)) for keys in best.shapes),
        others=() if is_keyed else others,
    )


def _frame(text: str, tops: Sequence[_Box], boxes: Sequence[_Box]) -> Outline | None:
    """The document as a table of pandas, if it is one."""
    top, inner = tops[0], [box for box in boxes if box.path and len(box.path) == 1]
    if len(tops) > 1 or not inner:
        return None
    if is_split(top.keys):
        names = next((box for box in inner if box.path == ("columns",)), None)
        rows = next((box for box in inner if box.path == ("data",)), None)
        if names is None or rows is None or not names.end or not (names.is_list and rows.is_list):
            return None
        columns = json.loads(text[names.start : names.end])
        if names.objects or names.others or rows.objects or rows.scalars or not rows.others:
            return None
        return Outline("split", ("data",), columns=tuple(map(str, columns)))
    numbered = all(box.keys and all(map(str.isdecimal, box.keys)) for box in inner)
    plain = not (top.scalars or top.others) and not any(
        box.is_list or box.objects or not box.scalars for box in inner
    )
    return Outline("columns") if numbered and plain else None


def _read(text: str) -> tuple[list[_Box], list[_Box]]:
    """The outermost objects, and all boxes that a path of keys leads to."""
    stack: list[_Box] = []
    tops: list[_Box] = []
    known: list[_Box] = []
    for token in _TOKEN.finditer(text):
        mark = token[0]
        box = stack[-1] if stack else None
        if mark in "[{":
            if len(stack) > _DEEPEST:
                break
            opened = _Box(mark == "[", _path(box), token.start())
            if box is None:
                tops.append(opened)
            else:
                box.valued = True
                box.objects += mark == "{"
                box.others += mark == "["
            if opened.path is not None:
                known.append(opened)
            stack.append(opened)
        elif box is None:
            if mark not in "]}":
                break  # text, or a mark, between documents
        elif mark in "]}":
            box.ended_member()
            box.end = token.end()
            stack.pop()
            if stack and not box.is_list and box.scalars and len(stack[-1].shapes) < _SHAPES:
                stack[-1].shapes.append(frozenset(box.keys))
        elif mark == ",":
            box.ended_member()
        elif mark != ":":
            if box.is_list or box.key is not None:
                box.scalars += 1
                box.valued = True
            else:
                box.key = _text(mark)
                box.keys.add(box.key)
    return tops, known


def _path(box: _Box | None) -> tuple[str, ...] | None:
    if box is None:
        return ()
    return None if box.is_list or box.path is None or box.key is None else (*box.path, box.key)


def _text(mark: str) -> str:
    try:
        return str(json.loads(mark))
    except ValueError:
        return mark[1:-1]


def _candidates(boxes: Sequence[_Box], end: int) -> list[_Box]:
    """Lists of objects, and objects of objects that are alike; each place once."""
    found: dict[tuple[str, ...], _Box] = {}
    for box in boxes:
        box.end = box.end or end
        is_list = box.is_list and box.objects and not box.others and not box.scalars
        if (is_list or box.may_be_keyed) and box.path is not None:
            found.setdefault(box.path, box)
    return heapq.nlargest(_PLACES, found.values(), key=lambda box: box.end - box.start)


def _best(found: Sequence[_Box]) -> _Box | None:
    """The largest one, those first that are called as products are."""
    # Lists within objects under keys are theirs.
    keyed = [box for box in found if not box.is_list]
    outer = [
        box
        for box in found
        if not any(
            other is not box and other.start < box.start and box.end <= other.end for other in keyed
        )
    ]
    return max(outer, key=lambda box: (_is_usual(box.path), box.end - box.start), default=None)


def _is_usual(path: Sequence[str] | None) -> bool:
    if not path:
        return False
    names = [re.sub(r"[\W_]+", "", key).lower() for key in path]
    while len(names) > 1 and names[-1] in _WITHIN:
        names.pop()
    return names[-1] in _USUAL


def notes(found: Outline) -> Iterator[str]:
    """What is to be said of where products were found."""
    if found.kind == "keyed":
        where = f"under {'.'.join(found.keys)!r}" if found.keys else "on top"
        named = "" if found.is_named else ", which are their ids"
        yield f"the objects {where} were taken for products by their keys{named}"
    elif found.kind in ("columns", "split"):
        yield "a table as pandas writes it was taken apart into rows"
    elif found.others:
        listed = ", ".join(map(repr, found.others[:5]))
        yield (
            f"the objects in {'.'.join(found.keys)!r} were taken for products; there are objects "
            f"in {listed} too, and --set items=... names others"
        )
