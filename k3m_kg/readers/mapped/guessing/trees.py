"""A mapping for trees without one: from the usual names, or suggested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from k3m_kg.errors import MappingNeeded
from k3m_kg.readers.mapped.guessing.suggesting import suggested_beside, suggested_mapping
from k3m_kg.readers.mapped.guessing.usual_names import guess_columns
from k3m_kg.readers.mapped.nested import BadTree, Trees, first_text
from k3m_kg.readers.mapped.objects import language_keys
from k3m_kg.readers.mapped.variants import taken_out
from k3m_kg.readers.mapped.wrappers import unwrapped
from k3m_kg.readers.mapping import Mapping

_VARIANTS = (
    "variants", "variations", "skus", "variants.edges", "variants.nodes", "variants.variant",
    "variations.variation", "children", "simples", "varianten", "product_variants",
)  # fmt: skip
_VARIANT_IDS = (
    "sku", "SKU", "variant_sku", "id", "variant_id", "variantId", "ean", "gtin", "barcode", "code",
)  # fmt: skip


def guessed_from_trees(trees: Iterable[Any], where: Path) -> tuple[Mapping, list[str]]:
    """A mapping from the names in the first products and what stands there.

    The second is what is to be said of it: whatever goes beyond the usual names.

    Raises:
        MappingNeeded: none of the names that do not lie in lists is that of an id.
    """
    trees = list(trees)
    names: dict[str, None] = {}
    lists: set[str] = set()
    rows = list(map(_first_texts, trees))
    for tree, row in zip(trees, rows, strict=True):
        names |= dict.fromkeys(row)
        lists.update(_in_lists(tree, ""))
    single = [name for name in names if name not in lists]
    id_ = guess_columns(single).get("id")
    if id_ is None:
        raise MappingNeeded(
            "none of its fields has the name of an id" + _documents(trees),
            where=str(where),
            mapping=suggested_mapping(list(names), rows, lists),
        )
    guess = guess_columns(list(names))
    said, notes = suggested_beside(list(names), rows, lists, id_, guess)
    if (variants := _variants(trees)) is not None:
        said["variants"] = {"within": variants[0], "id": variants[1]}
        notes.append(
            f"the objects in {variants[0]!r} were taken for variants, called by their "
            f"{variants[1]!r}: products that take over what they do not say; `variants` in a "
            "mapping says otherwise"
        )
    return Mapping.model_validate({**guess, **said, "id": id_}), notes


def _variants(trees: list[Any]) -> tuple[str, str] | None:
    """The list of objects in products that are called as variants are, and the key of their ids."""
    for within in _VARIANTS:
        items = [
            unwrapped(item)
            for tree in trees
            for item in taken_out(tree, within)[1]
            if isinstance(item, dict)
        ]
        for key in _VARIANT_IDS:
            ids = [first_text(item, key) for item in items]
            if ids and all(ids) and len(set(ids)) == len(ids):
                return within, key
    return None


def _documents(trees: list[Any]) -> str:
    """What to say of a file whose one object holds all products."""
    if len(trees) == 1:
        for key, value in trees[0].items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                return (
                    f"; it is one document with a list of {len(value):,} under {key!r}: write them "
                    f"a line each, `jq -c '.{key}[]'`, if these are the products"
                )
    return ""


def _first_texts(tree: Any) -> dict[str, str]:
    """The paths of a tree, each with its first text."""
    found: dict[str, str] = {}
    with suppress(BadTree):
        for cell in Trees().cells(tree):
            found.setdefault(cell.path, cell.text)
    return found


def _in_lists(tree: Any, path: str, inside: bool = False) -> Iterator[str]:
    """Paths that may have several values in one product."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            below = f"{path}.{str(key).strip()}" if path else str(key).strip()
            if below.count(".") < 20:
                yield from _in_lists(value, below, inside)
    elif isinstance(tree, list):
        several = not (_is_one_element(tree) or _are_of_languages(tree))
        if several:
            yield path
        for item in tree:
            if isinstance(item, dict):
                yield from _in_lists(item, path, inside or several)
    elif inside:
        yield path


def _is_one_element(items: list[Any]) -> bool:
    """Whether a list is one element of XML with attributes and a text."""
    return len(items) == 1 and isinstance(items[0], dict) and "value" in items[0]


def _are_of_languages(items: list[Any]) -> bool:
    """Whether a list is one text, each time in another language."""
    found = [isinstance(item, dict) and language_keys(item) for item in items]
    tags = {item[keys[0]] for item, keys in zip(items, found, strict=True) if keys}
    return bool(items) and all(found) and len(tags) == len(items)
