"""What an object in a product is by its keys: a property, an amount, a text in a language."""

from __future__ import annotations

import re
from typing import Any

_OF_PROPERTIES = ("attribute", "property", "feature", "spec", "specification", "option", "param")
_NAME_KEYS = (
    "name", "key", "attribute_code", "attribute", "code", "label", "property",
    *(f"{what}{mark}name" for what in _OF_PROPERTIES for mark in ("", "_", "-")),
    *(f"{what}{mark}id" for what in ("attribute", "property") for mark in ("", "_", "-")),
    "type",
)  # fmt: skip
_VALUE_KEYS = (
    "value", "values", "options", "option", "val",
    *(f"{what}{mark}value" for what in _OF_PROPERTIES for mark in ("", "_", "-")),
)  # fmt: skip
_UNIT_KEYS = (
    "unit", "unittext", "unit_text", "unit_code", "unitcode", "uom", "currency", "currency_code",
    "currencycode", "currencyid", "measurementunitcode", "measure_unit", "measureunit",
)  # fmt: skip
_AMOUNT_KEYS = ("value", "amount")
_LANGUAGE_KEYS = (
    "language_tag", "language", "locale", "lang", "language_code", "languageCode", "languagecode",
    "@language",
)  # fmt: skip
_TEXT_KEYS = ("value", "data", "text", "content", "@value")
NAMING_KEYS = frozenset(map(str.lower, (*_NAME_KEYS, *_LANGUAGE_KEYS)))
"""Keys, in lower case, on whose texts it depends what an object in a list says."""
VALUE_KEYS = frozenset((*_VALUE_KEYS, *_AMOUNT_KEYS, *_TEXT_KEYS))
"""Keys, in lower case, without one of which no object says anything but what its keys do."""
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2}|x-default")
_KINDS_OF_TEXT = frozenset(
    (
        "text", "html", "xhtml", "markdown", "text/html", "text/plain", "string", "str", "number",
        "integer", "int", "float", "decimal", "boolean", "bool", "date", "datetime", "url",
    )
)  # fmt: skip
"""What a `type` beside a value says that names no property."""


def language_keys(item: dict[Any, Any]) -> tuple[str, str] | None:
    """The keys of language and text in an object that is a text in a language."""
    tag_key = next((key for key in _LANGUAGE_KEYS if key in item), None)
    if tag_key is None:
        return None
    tag = item[tag_key]
    if tag is not None and not (isinstance(tag, str) and (not tag or _TAG.fullmatch(tag))):
        return None
    text_key = next((key for key in _TEXT_KEYS if key in item), None)
    return None if text_key is None else (tag_key, text_key)


def _spelled(item: dict[Any, Any]) -> dict[str, Any]:
    """The keys of an object by how they are known here: `Name` and `NAME` are `name`."""
    keys = {key: key for key in item if isinstance(key, str)}
    for key in list(keys):
        if not key.islower():
            keys.setdefault(key.lower(), key)
    return keys


def property_keys(item: dict[Any, Any]) -> tuple[str | None, str, str | None] | None:
    """The keys of name, value and unit in an object that states a property."""
    keys = _spelled(item)
    unit_key = next((keys[key] for key in _UNIT_KEYS if key in keys), None)
    value_key = next((keys[key] for key in _VALUE_KEYS if key in keys), None)
    if value_key is not None:
        for name in _NAME_KEYS:
            key = keys.get(name)
            if key is None or key == value_key or not isinstance(item[key], str):
                continue
            label = item[key].strip()
            if label and not _names_nothing(name, label):
                return key, value_key, unit_key
    if len(item) == 2 and (amount := amount_keys(item)) is not None:
        return (None, *amount)
    return None


def _names_nothing(key: str, label: str) -> bool:
    """Whether what stands where a name could is none: the kind of a text, a number."""
    if key == "type":
        return label.lower() in _KINDS_OF_TEXT
    return key.endswith("id") and label.isdecimal()


def amount_keys(item: dict[Any, Any]) -> tuple[str, str] | None:
    """The keys of number and unit in an object that is just that: `{amount: 5, currency: EUR}`."""
    keys = _spelled(item)
    unit = next((keys[key] for key in _UNIT_KEYS if key in keys), None)
    if unit is None or not isinstance(item[unit], str):
        return None
    amount = next((keys[key] for key in _AMOUNT_KEYS if key in keys), None)
    if amount is None or isinstance(item[amount], dict | list | tuple):
        return None
    return amount, unit
