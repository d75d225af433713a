"""Settings classes as rows for people: path, type, default, meaning."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting. `default` is None where the setting is required."""

    name: str
    type: str
    default: str | None
    meaning: str


def setting_rows(cls: type[BaseModel], prefix: str = "") -> Iterator[SettingRow]:
    """The settings of `cls` in order, those of nested classes under their dotted path."""
    meanings = _attribute_docs(cls)
    for name, field in cls.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel) and not _short_form(nested):
            yield from setting_rows(nested, f"{prefix}{name}.")
            continue
        yield SettingRow(
            prefix + name,
            _type_name(field.annotation) + _bounds(field),
            None if field.is_required() else _default(field),
            field.description or meanings.get(name, ""),
        )
        for part in get_args(nested):  # of settings that may be left out
            if isinstance(part, type) and issubclass(part, BaseModel) and not _short_form(part):
                yield from setting_rows(part, f"{prefix}{name}.")


def _short_form(cls: type[BaseModel]) -> bool:
    """Whether the class is a plugin choice, which a config writes as one name."""
    return "settings" in cls.model_fields


def _attribute_docs(cls: type[BaseModel]) -> dict[str, str]:
    """The `Attributes:` section of the docstrings of `cls` and its bases."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if not (isinstance(base, type) and issubclass(base, BaseModel)) or base is BaseModel:
            continue
        doc = inspect.cleandoc(base.__doc__ or "")
        _, _, section = doc.partition("Attributes:\n")
        for match in re.finditer(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE):
            found.setdefault(match[1], re.sub(r"\s+", " ", match[2]).strip())
    return found


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(_type_name(part) for part in arguments)
    if origin is typing.Annotated:
        return _type_name(arguments[0])
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"list of {len(arguments)} {_type_name(arguments[0])}"
    if origin in (tuple, list):
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return "mapping"
    if annotation is type(None):
        return "none"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "plugin" if _short_form(annotation) else "settings"
    return {int: "integer", float: "number", bool: "true or false", str: "text", Path: "path"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def _bounds(field: FieldInfo) -> str:
    signs = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
    parts = [
        f"{sign} {getattr(item, key)}"
        for item in field.metadata
        for key, sign in signs
        if getattr(item, key, None) is not None
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _default(field: FieldInfo) -> str:
    return _plain(field.get_default(call_default_factory=True))


def _plain(value: Any) -> str:
    if isinstance(value, BaseModel):
        return str(getattr(value, "name", value))
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return str(value)
