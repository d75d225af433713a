"""Config files: YAML that can only be data, and `key=value` overrides from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from k3m_kg.config.settings import Component, validate_settings
from k3m_kg.errors import ConfigError, unknown_name

_S = TypeVar("_S", bound=BaseModel)
_MERGE = "tag:yaml.org,2002:merge"


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, which moreover refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; no tag in it can make an object or run anything.

    Raises:
        ConfigError: the file is missing, is no YAML, has a key twice, or holds something else
            than a mapping.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 (is safe)
    except FileNotFoundError:
        raise ConfigError("no such file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}", where=str(path)) from None
    if not isinstance(data, dict):
        raise ConfigError("must hold settings as `key: value`", where=str(path))
    if odd := [key for key in data if not isinstance(key, str)]:
        raise ConfigError(f"keys must be text, not {odd[0]!r}", where=str(path))
    return data


def load_config(cls: type[_S], path: Path, overrides: list[str] | None = None) -> _S:
    """The config in `path`, with `key.sub=value` overrides (values are YAML) applied.

    Relative paths in the file are relative to the current folder, as on the command line.

    Raises:
        ConfigError: the file or an override cannot be used.
    """
    data = read_yaml(path)
    if overrides:
        data = _short(data)
    for override in overrides or []:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise ConfigError("an override must be key=value", where=f"--set {override}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ConfigError("the value is not valid YAML", where=f"--set {override}") from None
        _assign(cls, data, key.split("."), value, override)
    return validate_settings(cls, data, str(path))


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


def _short(value: Any) -> Any:
    """Components as people write them: an artifact's config holds `{name, settings: {...}}`."""
    if isinstance(value, list):
        return [_short(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: _short(item) for key, item in value.items()}
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
    return _short(default.model_dump(mode="json")) if isinstance(default, Component) else {}


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
