"""An option that no command has, but that a config calls a setting: `--epochs` of `pretrain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

_SET = "--set"


def with_setting(error: Exception) -> None:
    """Add to the message of an unknown option how the setting of that name is given.

    Args:
        error: what the command line's library raised; others are left as they are.
    """
    option, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    command: Any = getattr(context, "command", None)
    if not isinstance(option, str) or command is None or command.name != "pretrain":
        return
    from k3m_kg.config import RunConfig

    wanted = option.strip("-").replace("-", "_")
    found = [path for path in _paths(RunConfig) if path.rpartition(".")[2] == wanted]
    if found:
        told = " or ".join(f"{_SET} {path}=..." for path in found)
        error.message = f"{error.message}. It is a setting: {told}"  # type: ignore[attr-defined]


def _paths(settings: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every setting by its path, such as `training.epochs`."""
    from pydantic import BaseModel

    for name, field in settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _paths(kind, f"{above}{name}.")
        else:
            yield f"{above}{name}"
