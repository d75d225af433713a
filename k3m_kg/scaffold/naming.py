"""What a new package may be called, and what its module and its plugin are called then."""

from __future__ import annotations

import importlib.metadata
import keyword
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec

from k3m_kg.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""PEP 508."""
_LONGEST = 60
_WHERE = "NAME"


@dataclass(frozen=True, slots=True)
class Names:
    """What one word becomes.

    Attributes:
        package: the distribution, as pip knows it.
        module: what Python imports.
        plugin: what configs and options write.
    """

    package: str
    module: str
    plugin: str


def names_of(name: str, kind: str, taken: Collection[str]) -> Names:
    """The names of a package that brings one plugin.

    Args:
        kind: of the plugin, for the message.
        taken: names of installed plugins of this kind.

    Raises:
        UsageError: it is no name of a package or of a module, or somebody has it already.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"{name[: 2 * _LONGEST]!r} is no name of a Python package",
            where=_WHERE,
            hint=f"at most {_LONGEST} letters of ASCII, digits, '-', '_' and '.', a letter first, "
            "such as acme-fusion",
        )
    plugin = re.sub(r"[-_.]+", "-", name).lower()
    module = plugin.replace("-", "_")
    if not module.isidentifier():
        raise UsageError(
            f"{name!r} makes no module: Python cannot import {module!r}",
            where=_WHERE,
            hint="begin with a letter",
        )
    if keyword.iskeyword(module) or keyword.issoftkeyword(module):
        raise UsageError(f"{module!r} is a word of the Python language", where=_WHERE)
    if plugin in taken:
        raise UsageError(
            f"there is a {kind} called {plugin!r} already",
            where=_WHERE,
            hint=f"`k3m-kg plugins show {plugin} --kind {kind}` says whose it is",
        )
    if _is_installed(plugin):
        raise UsageError(f"a package called {plugin!r} is installed already", where=_WHERE)
    if module in sys.stdlib_module_names or find_spec(module) is not None:
        raise UsageError(
            f"there is a module called {module!r} already, which this one would hide",
            where=_WHERE,
            hint=f"put your own name before it, such as acme-{plugin}",
        )
    return Names(name, module, plugin)


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
