"""Config files: YAML that can only be data, and `key=value` overrides from the command line."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from k3m_kg.config.settings import Component, validate_settings
from k3m_kg.config.yaml_text import MAX_CHARACTERS, as_wanted, parse_yaml
from k3m_kg.errors import ConfigError, unknown_name

_S = TypeVar("_S", bound=BaseModel)


def read_text(path: Path, limit: int = MAX_CHARACTERS) -> str:
    """A UTF-8 text file of at most `limit` bytes.

    Raises:
        ConfigError: it is missing, larger, no UTF-8, or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise ConfigError(f"larger than {limit:,} bytes", where=str(path))
        return data.decode()
    except FileNotFoundError:
        raise ConfigError("no such file", where=str(path)) from None
    except UnicodeDecodeError as error:
        message = f"cannot be read: no UTF-8 text at byte {error.start:,}"
        raise ConfigError(message, where=str(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot be read: {reason}", where=str(path)) from None


def read_yaml(path: Path, wanted: Any = Any) -> dict[str, Any]:
    """The mapping in a YAML file; no tag in it can make an object or run anything.

    Args:
        wanted: the settings class that it is for, which says where texts are wanted.

    Raises:
        ConfigError: the file is missing, is no YAML (see `parse_yaml`), or holds something else
            than a mapping.
    """
    found: dict[str, Any] = as_wanted(_parsed(path), wanted)
    return found


def _parsed(path: Path) -> dict[str, Any]:
    data = parse_yaml(read_text(path), str(path))
    if not isinstance(data, dict):
        raise ConfigError("must hold settings as `key: value`", where=str(path))
    return data


def load_config(cls: type[_S], path: Path, overrides: list[str] | None = None) -> _S:
    """The config in `path`, with `key.sub=value` overrides (values are YAML) applied.

    Relative paths in the file are relative to the current folder, as on the command line.

    Raises:
        ConfigError: the file or an override cannot be used.
    """
    data = _parsed(path)
    return with_overrides(cls, as_written(data) if overrides else data, overrides or [], str(path))


def with_overrides(cls: type[_S], data: dict[str, Any], overrides: list[str], where: str) -> _S:
    """Settings as keys and values, with `key.sub=value` overrides (values are YAML) applied.

    Raises:
        ConfigError: an override or a setting cannot be used.
    """
    stated = deepcopy(data) if overrides else data
    _override(cls, data, overrides)
    try:
        return validate_settings(cls, as_wanted(data, cls), where)
    except ConfigError as error:
        if not overrides:
            raise
        validate_settings(cls, as_wanted(stated, cls), where)  # else it is the file's own
        named = [one for one in overrides if f"'{one.partition('=')[0]}" in error.message]
        wrong = " ".join(f"--set {override}" for override in named or overrides)
        raise ConfigError(error.message, where=f"{wrong} for {where}", hint=error.hint) from None


def overridden(cls: type[BaseModel], data: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """`data` itself, with `key.sub=value` overrides (values are YAML), not yet validated.

    Raises:
        ConfigError: one of them cannot be used.
    """
    _override(cls, data, overrides)
    found: dict[str, Any] = as_wanted(data, cls)
    return found


def _override(cls: type[BaseModel], data: dict[str, Any], overrides: list[str]) -> None:
    for one in overrides:
        key, separator, text = one.partition("=")
        if not separator or not key:
            raise ConfigError("an override must be key=value", where=f"--set {one}")
        _assign(cls, data, key.split("."), _value(key, text), one)


def _value(key: str, text: str) -> Any:
    """YAML; signs that say nothing in YAML, such as `|`, `#` or `,`, are themselves."""
    signs = text.strip()
    if any(sign.isalnum() or sign in "[{" for sign in signs) or signs in ("", "~"):
        return parse_yaml(text, f"--set {key}")
    try:
        found = parse_yaml(text, f"--set {key}")
    except ConfigError:
        return signs
    empty = found in (None, [""]) or (found == "" and signs[0] not in "'\"")
    return signs if empty else found


def _assign(
    cls: type[BaseModel], data: dict[str, Any], keys: list[str], value: Any, override: str
) -> None:
    default = cls.model_fields.get(keys[0])
    if len(keys) > 1 and keys[0] not in data and default is not None:
        data[keys[0]] = _written(default.default)
    holder: Any = data
    for key in keys[:-1]:
        holder = _enter(holder, key, override)
    if not isinstance(holder, dict):
        raise ConfigError(f"name a setting of {keys[-1]!r}", where=f"--set {override}")
    holder[keys[-1]] = value


def as_written(value: Any) -> Any:
    """Components as people write them: an artifact's config holds `{name, settings: {...}}`."""
    if isinstance(value, list):
        return [as_written(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: as_written(item) for key, item in value.items()}
    inner = value.get("settings")
    if (
        isinstance(inner, dict)
        and "name" in value
        and not {*value} - {"name", "weight", "settings"}
    ):
        del value["settings"]
        return inner | value
    return value


def _written(default: Any) -> Any:
    """A default as a config file would write it."""
    if isinstance(default, tuple):
        return [_written(item) for item in default]
    return as_written(default.model_dump(mode="json")) if isinstance(default, Component) else {}


def _enter(holder: Any, key: str, override: str) -> Any:
    """What `key` leads to in a mapping, or in a list of plugins by name."""
    place: Any = key
    if isinstance(holder, list):
        names = [item.get("name") if isinstance(item, dict) else item for item in holder]
        if key not in names:
            raise ConfigError(
                unknown_name("plugin", key, map(str, names)), where=f"--set {override}"
            )
        place = names.index(key)
    else:
        holder.setdefault(key, {})
    if isinstance(holder[place], str):
        holder[place] = {"name": holder[place]}
    if not isinstance(holder[place], dict | list):
        raise ConfigError(f"{key!r} holds no settings", where=f"--set {override}")
    return holder[place]
