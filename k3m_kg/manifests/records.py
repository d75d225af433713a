"""Small files of an artifact or checkpoint as typed values: checked before anything uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from k3m_kg.config import read_yaml, validate_settings
from k3m_kg.errors import ArtifactError, ConfigError
from k3m_kg.files import ordinary

_T = TypeVar("_T")
_S = TypeVar("_S", bound=BaseModel)

Count = Annotated[int, Field(ge=0, lt=1 << 62)]
"""A number of something, or a place in a list."""

MAX_JSON = 4 << 30
"""Bytes of a JSON file that are read; labels of many millions of values fit."""

HINT = "copy the artifact again, or train it again"


def read_record(path: Path, kind: type[_T]) -> _T:
    """The JSON in `path` as a `kind`: a pydantic model, a dataclass, a dictionary.

    Types are strict, nesting is bounded (some hundred levels), texts hold no half characters.

    Raises:
        ArtifactError: missing, damaged, or something else; names the first wrong place.
    """
    try:
        if ordinary(path).stat().st_size > MAX_JSON:
            raise ArtifactError(f"larger than {MAX_JSON:,} bytes", where=str(path))
        data = path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError("no such file", where=str(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArtifactError(f"cannot be read: {reason}", where=str(path)) from None
    try:
        return TypeAdapter(kind).validate_json(data, strict=True)
    except ValidationError as error:
        raise ArtifactError(_first(error), where=str(path), hint=HINT) from None


def as_record(data: Any, kind: type[_T], where: str) -> _T:
    """A small part of JSON that was read already, as `read_record`."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise ArtifactError(_first(error), where=where, hint=HINT) from None


def read_settings(path: Path, cls: type[_S]) -> _S:
    """The settings that were saved with what was trained.

    Raises:
        ArtifactError: missing or damaged.
    """
    try:
        return validate_settings(cls, read_yaml(path, cls), str(path))
    except ConfigError as error:
        raise ArtifactError(error.message, where=error.where, hint=HINT) from None


@contextmanager
def damage_named(where: str, what: str) -> Iterator[None]:
    """Turn what libraries raise over the content of `where` into an ArtifactError.

    For calls that hand content which was checked as far as it can be to code that is not ours: a
    tokenizer's file, an optimiser's state.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, MemoryError, OSError) as error:
        raise _damaged(error, where, what) from error
    except (RuntimeError, TypeError, ValueError) as error:
        raise _damaged(error, where, what) from error
    except Exception as error:
        if type(error) is not Exception:  # which the tokenizers library raises
            raise
        raise _damaged(error, where, what) from error


def _damaged(error: Exception, where: str, what: str) -> ArtifactError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return ArtifactError(f"{what}: {reason}", where=where, hint=HINT)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, found["loc"][:6]))
    message = found["msg"].removeprefix("Value error, ")[:300]
    return f"is damaged: {place}: {message}" if place else f"is damaged: {message}"
