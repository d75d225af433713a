"""What interfaces and databases put around products and their values when they write JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k3m_kg.readers.mapped.json_api import Included, resource

_MARKS = frozenset(("node", "_source", "Item", "document", "attributes", "fields"))
"""Keys of what is put around a product; not one, and there is none."""
_AROUND_NODES = frozenset(("node", "cursor", "__typename"))
_OF_DOCUMENTS = frozenset(("name", "fields", "createTime", "updateTime"))
TYPED = frozenset(
    (
        "$oid", "$date", "$numberDecimal", "$numberInt", "$numberLong", "$numberDouble", "$uuid",
        "$symbol",
    )
)  # fmt: skip
"""Keys of a value with its type, as MongoDB writes it."""
_DYNAMO = frozenset(("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"))
_FIRESTORE = frozenset(
    (
        "stringValue", "integerValue", "doubleValue", "booleanValue", "nullValue", "mapValue",
        "arrayValue", "timestampValue", "referenceValue", "geoPointValue", "bytesValue",
    )
)  # fmt: skip


def unwrapped(tree: dict[str, Any], included: Included | None = None) -> dict[str, Any]:
    """An object without what is put around each one.

    GraphQL (`node`), Elasticsearch (`_source`), DynamoDB (`Item`, `{"S": ...}`), Firestore
    (`fields`, `{"stringValue": ...}`), and resources of JSON:API (`attributes` and
    `relationships`).

    Args:
        included: what else is in a document of JSON:API.

    Raises:
        TooMuchError: a resource is related to more than a product may have.
    """
    if _MARKS.isdisjoint(tree):  # most are
        for first in tree.values():
            return _of_item(tree) if type(first) is dict else tree
        return tree
    if isinstance(node := tree.get("node"), dict) and tree.keys() <= _AROUND_NODES:
        return node
    if isinstance(source := tree.get("_source"), dict):
        return {key: tree[key] for key in ("_id",) if key in tree} | source
    if isinstance(item := tree.get("Item"), dict) and len(tree) == 1:
        return _of_item(item)
    if isinstance(document := tree.get("document"), dict) and "readTime" in tree:
        return unwrapped(document)
    if "attributes" in tree and "type" in tree:
        found = resource(tree, included)
        return tree if found is None else found
    if (
        isinstance(fields := tree.get("fields"), dict)
        and isinstance(tree.get("name"), str)
        and tree.keys() <= _OF_DOCUMENTS
        and _are_typed(fields, _FIRESTORE)
    ):
        id_ = tree["name"].rpartition("/")[2]
        return {"id": id_} | {key: _of_firestore(value) for key, value in fields.items()}
    return _of_item(tree)


def _of_item(tree: dict[str, Any]) -> dict[str, Any]:
    """An item of DynamoDB without types; another object as it is."""
    if not tree or not _are_typed(tree, _DYNAMO):
        return tree
    return {key: _of_dynamo(value) for key, value in tree.items()}


def _are_typed(tree: dict[str, Any], types: frozenset[str]) -> bool:
    """Whether each value is an object of one key, which says its type."""
    return all(
        type(value) is dict and len(value) == 1 and next(iter(value)) in types
        for value in tree.values()
    )


def _of_dynamo(value: Any) -> Any:
    if type(value) is not dict or len(value) != 1:
        return value
    kind, held = next(iter(value.items()))
    return _held(kind, held, "M", "L", {"NULL"}, _of_dynamo)


def _of_firestore(value: Any) -> Any:
    if type(value) is not dict or len(value) != 1:
        return value
    kind, held = next(iter(value.items()))
    if isinstance(held, dict):
        if kind == "mapValue":
            held = held.get("fields", {})
        elif kind == "arrayValue":
            held = held.get("values", [])
    return _held(kind, held, "mapValue", "arrayValue", {"nullValue"}, _of_firestore)


def _held(
    kind: str,
    held: Any,
    of_objects: str,
    of_lists: str,
    of_nothing: set[str],
    inner: Callable[[Any], Any],
) -> Any:
    """A value without its type."""
    if kind in of_nothing:
        return None
    if kind == of_objects and isinstance(held, dict):
        return {key: inner(item) for key, item in held.items()}
    if kind == of_lists and isinstance(held, list):
        return [inner(item) for item in held]
    return held
