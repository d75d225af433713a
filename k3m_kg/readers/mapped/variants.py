"""Variants: products that take over what they do not state from the product they are one of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from k3m_kg.readers.mapping import Variants
from k3m_kg.records import ProductRecord

MAX_PARENTS = 10_000
"""Products that are remembered for the variants that come after them."""


def inherited(own: ProductRecord, product: ProductRecord, variants: Variants) -> ProductRecord:
    """A variant, linked to its product, with what it does not state itself."""
    links = (*own.links, (variants.link, product.id))
    if not variants.inherit:
        return _with(own, links=links)
    stated = {name for name, _ in own.properties}
    more = tuple(pair for pair in product.properties if pair[0] not in stated)
    return ProductRecord(
        own.id,
        own.title or product.title,
        own.category or product.category,
        own.images or product.images,
        own.properties + more,
        own.line,
        tuple(dict.fromkeys(links)),
    )


def _with(own: ProductRecord, links: tuple[tuple[str, str], ...]) -> ProductRecord:
    links = tuple(dict.fromkeys(links))
    return ProductRecord(
        own.id, own.title, own.category, own.images, own.properties, own.line, links
    )


def taken_out(tree: Any, path: str) -> tuple[Any, list[Any]]:
    """A tree without what stands at a dotted path, and that: the objects of a list, or one."""
    if not isinstance(tree, dict):
        return tree, []
    key, rest = (path, "") if path in tree else _parted(path)
    if key not in tree:
        return tree, []
    if rest:
        inner, found = taken_out(tree[key], rest)
        return {**tree, key: inner}, found
    found = tree[key]
    found = found if isinstance(found, list) else [found]
    return {name: value for name, value in tree.items() if name != key}, found


def _parted(path: str) -> tuple[str, str]:
    key, _, rest = path.partition(".")
    return key, rest


def with_option_names(item: dict[str, Any], tree: dict[str, Any]) -> dict[str, Any]:
    """A variant as Shopify writes it, whose `option1` is called as the product's first option."""
    options = tree.get("options")
    if not isinstance(options, list) or "option1" not in item:
        return item
    names = [option.get("name") if isinstance(option, dict) else None for option in options]
    called = {f"option{place}": name for place, name in enumerate(names, start=1)}
    return {
        name if isinstance(name := called.get(key), str) and name not in item else key: value
        for key, value in item.items()
        if value != "Default Title"
    }


def with_title_of_its_own(own: ProductRecord, product: ProductRecord) -> ProductRecord:
    """A variant whose title says what it is; one such as `S / Red` is a property of it instead."""
    if own.title is None or product.title is None:
        return own
    if _words(own.title) & _words(product.title):
        return own
    properties = own.properties
    if own.title not in (value for _, value in properties):
        properties += (("variant", own.title),)
    return ProductRecord(
        own.id, product.title, own.category, own.images, properties, own.line, own.links
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


class Parents:
    """The products that rows were variants of, and those that may yet have some."""

    def __init__(self, variants: Variants) -> None:
        self._variants = variants
        self._products: dict[str, ProductRecord] = {}
        self._alone = 0
        self._first = ""

    def of(self, record: ProductRecord, parent: str | None) -> ProductRecord:
        """The record, linked to its product if it is a variant of one."""
        if parent is None or parent == record.id:
            if len(self._products) >= MAX_PARENTS:
                del self._products[next(iter(self._products))]
            self._products[record.id] = record
            return record
        product = self._products.get(parent)
        if product is not None:
            return inherited(record, product, self._variants)
        if self._variants.inherit:
            self._alone += 1
            self._first = self._first or record.id
        return _with(record, links=(*record.links, (self._variants.link, parent)))

    def notes(self) -> Iterator[str]:
        """What became of variants whose product was not met."""
        if self._alone:
            yield (
                f"{self._alone:,} variants, such as {self._first!r}, take over nothing: their "
                f"product does not stand before them (within {MAX_PARENTS:,} products)"
            )
