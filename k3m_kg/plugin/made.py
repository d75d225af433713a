"""What a plugin's record builds by the name of its class, imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k3m_kg.config import Settings


def made_by(name: str) -> Callable[[Settings], Any]:
    """A factory that imports a class when one is made, and makes it as another process does.

    Args:
        name: `module:class`, which takes the settings as keyword arguments of plain data.
    """

    def factory(settings: Settings) -> Any:
        module, _, made = name.partition(":")
        return getattr(import_module(module), made)(**settings.model_dump(mode="json"))

    return factory
