"""Settings classes: strict, immutable, and one error that names the nearest key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)

from k3m_kg.errors import ConfigError, nearest


class Settings(BaseModel):
    """Base of every settings class: immutable, unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NoSettings(Settings):
    """There is nothing to set."""


def settings_apart(value: dict[str, Any], own: tuple[str, ...]) -> dict[str, Any]:
    """The keys in `own` as they are, all others under `settings`."""
    kept = {key: item for key, item in value.items() if key in own}
    return {**kept, "settings": {key: item for key, item in value.items() if key not in own}}


class Component(BaseModel):
    """A plugin by name with its own settings: `mean` or `{name: mean, key: value}`.

    A subclass says of which kind it is, so that whatever settings it stands in it can be checked
    before anything is built, and which name is meant where none is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    kind: ClassVar[str] = ""
    default_name: ClassVar[str | None] = None
    name: str
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and cls.default_name is not None:
            value = {"name": cls.default_name} | value
        if isinstance(value, dict) and "settings" not in value:
            return settings_apart(value, ("name",))
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """For editors: a name, or an object with a name and the plugin's own settings."""
        own = handler.resolve_ref_schema(handler(core_schema))
        spelled_out = {**own, "additionalProperties": True}
        return {"anyOf": [{"type": "string"}, spelled_out], "description": own["description"]}


class LinkScorerComponent(Component):
    """A link scorer by name, wherever settings want one."""

    kind: ClassVar[str] = "link-scorer"


def components_in(settings: BaseModel, where: str) -> Iterator[tuple[str, Component]]:
    """The plugins that settings name, each with its key, such as `tasks.lpm.scorer`."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Component):
            yield f"{where}.{name}", value
        elif isinstance(value, BaseModel):
            yield from components_in(value, f"{where}.{name}")


_S = TypeVar("_S", bound=BaseModel)


def validate_settings(cls: type[_S], data: Any, where: str) -> _S:
    """`data` as an instance of `cls`.

    Raises:
        ConfigError: unknown keys (with the nearest known one) or impossible values, all at once.
    """
    if not isinstance(data, dict):
        raise ConfigError(
            f"expected settings as key: value, got {type(data).__name__}", where=where
        )
    try:
        return cls.model_validate(data)
    except ValidationError as error:
        lines = [_explain(cls, item) for item in error.errors(include_url=False)]
        raise ConfigError("; ".join(lines), where=where) from None


def _explain(cls: type[BaseModel], item: Any) -> str:
    path = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = _fields_at(cls, item["loc"][:-1])
        guess = nearest(str(item["loc"][-1]), known)
        meant = f"; did you mean {guess!r}?" if guess else f"; known keys: {', '.join(known)}"
        return f"unknown key {path!r}{meant}"
    if item["type"] == "missing":
        return f"key {path!r} is required"
    message = item["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def _fields_at(cls: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys known at `path`, which may lead through lists and optional settings."""
    current: Any = cls
    for part in path:
        if isinstance(part, str) and part in getattr(current, "model_fields", {}):
            current = current.model_fields[part].annotation
        inner = [item for item in get_args(current) if hasattr(item, "model_fields")]
        current = inner[0] if inner else current
    return sorted(getattr(current, "model_fields", ()))
