"""Finds the installed plugins, checks them, and hands out their records by kind and name."""

from __future__ import annotations

import importlib.metadata
import os
import re
import traceback
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import pluggy

from k3m_kg.config import Component, Settings, validate_settings
from k3m_kg.errors import PluginError, UsageError, nearest, unknown_name
from k3m_kg.plugin import hookspecs
from k3m_kg.plugin.hookspecs import (
    FusionPlugin,
    ImageEncoderPlugin,
    LinkPredictorPlugin,
    LinkScorerPlugin,
    Plugin,
    ReaderPlugin,
    TaskPlugin,
    TextEncoderPlugin,
)

GROUP = hookspecs.PROJECT
_BUILT_IN = "k3m-kg"
LIMIT_VARIABLE = "K3M_KG_PLUGINS"
"""Names the distributions whose plugins may load, comma-separated; the built-in ones always do."""

_HOOKS: dict[str, type] = {
    "k3m_kg_readers": ReaderPlugin,
    "k3m_kg_image_encoders": ImageEncoderPlugin,
    "k3m_kg_text_encoders": TextEncoderPlugin,
    "k3m_kg_fusions": FusionPlugin,
    "k3m_kg_tasks": TaskPlugin,
    "k3m_kg_link_scorers": LinkScorerPlugin,
    "k3m_kg_link_predictors": LinkPredictorPlugin,
}
KINDS: dict[str, type] = {cls.kind: cls for cls in _HOOKS.values()}  # type: ignore[attr-defined]
_P = TypeVar("_P")


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin record with the distribution that brought it."""

    record: Plugin
    package: str
    version: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An entry point that could not be loaded."""

    entry_point: str
    package: str
    version: str
    reason: str

    def __str__(self) -> str:
        return (
            f"plugin {self.entry_point!r} of {self.package} {self.version} "
            f"was not loaded: {self.reason}"
        )


@dataclass(slots=True)
class Registry:
    """Every plugin that loaded, by kind and name, and every one that did not."""

    plugins: dict[tuple[str, str], Installed] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add(self, record: Plugin, package: str, version: str) -> None:
        """Register one record.

        Raises:
            PluginError: there is already a plugin of this kind and name, or for this manifest.
        """
        key, mine = (record.kind, record.name), Installed(record, package, version)
        if other := self.plugins.get(key):
            raise _clash(f"provide the {record.kind} {record.name!r}", other, mine)
        if isinstance(record, LinkPredictorPlugin):
            for other in self.installed(LinkPredictorPlugin.kind):
                assert isinstance(other.record, LinkPredictorPlugin)
                if other.record.manifest == record.manifest:
                    raise _clash(f"open artifacts with {record.manifest}", other, mine)
        self.plugins[key] = mine

    def installed(self, kind: str | None = None) -> list[Installed]:
        """All plugins (of one kind), sorted by kind and name."""
        return [self.plugins[key] for key in sorted(self.plugins) if kind in (None, key[0])]

    def names(self, kind: str) -> list[str]:
        """The names available for one kind."""
        return [item.record.name for item in self.installed(kind)]

    def find(self, kind: str, name: str) -> Installed:
        """The plugin of this kind and name.

        Raises:
            UsageError: there is none; the message lists the choices and the nearest match.
        """
        if found := self.plugins.get((kind, name)):
            return found
        broken = "; ".join(str(failure) for failure in self.failures)
        raise UsageError(
            unknown_name(kind, name, self.names(kind)),
            hint=f"not loaded: {broken}" if broken else "`k3m-kg plugins list` shows all",
        )

    def get(self, cls: type[_P], name: str) -> _P:
        """The record of class `cls` (which fixes the kind) called `name`.

        Raises:
            UsageError: there is none.
        """
        record = self.find(cls.kind, name).record  # type: ignore[attr-defined]
        assert isinstance(record, cls)
        return record

    def settings(self, kind: str, component: Component, where: str) -> Settings:
        """The component's own settings, validated by the plugin's config class.

        Raises:
            ConfigError: an unknown or impossible setting.
            UsageError: an unknown plugin.
        """
        record: Any = self.find(kind, component.name).record
        settings: Settings = validate_settings(record.config, component.settings, where)
        return settings


def _clash(what: str, one: Installed, other: Installed) -> PluginError:
    return PluginError(
        f"two plugins {what}: {one.package} {one.version} and {other.package} {other.version}",
        hint=f"uninstall one, or name the packages to load in {LIMIT_VARIABLE}",
    )


def _canonical(package: str) -> str:
    """The package name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package.strip()).lower()


def _distribution(entry_point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    dist = entry_point.dist
    return (dist.name, dist.version) if dist else ("unknown", "unknown")


def _last_line(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]


def load_registry() -> Registry:
    """Load every entry point of the group `k3m_kg`.

    An entry point that fails to import becomes a `Failure` and takes nothing else down.

    Raises:
        PluginError: two packages provide one name, a hook is misspelt or has wrong arguments,
            or a hook returns something other than its records.
    """
    registry = Registry()
    limit = os.environ.get(LIMIT_VARIABLE)
    allowed = None if limit is None else {_canonical(name) for name in limit.split(",")}
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    origin: dict[str, tuple[str, str]] = {}
    for entry_point in importlib.metadata.entry_points(group=GROUP):
        package, version = _distribution(entry_point)
        if allowed is not None and _canonical(package) not in (_BUILT_IN, *allowed):
            continue
        key = f"{package}:{entry_point.name}"
        if key in origin:  # the same distribution, found twice on the path
            continue
        origin[key] = (package, version)
        try:
            module = entry_point.load()
        except (Exception, SystemExit) as error:
            registry.failures.append(Failure(entry_point.name, package, version, _last_line(error)))
            continue
        if manager.is_registered(module):  # a second entry point to one module
            continue
        try:
            manager.register(module, name=key)
        except pluggy.PluginValidationError as error:
            raise PluginError(_last_line(error), where=f"{package} {version}") from error
        if not manager.get_hookcallers(module):
            registry.failures.append(
                Failure(entry_point.name, package, version, "no function in it has @hookimpl")
            )
    _check_misspelt(manager, origin)
    for hook, cls in _HOOKS.items():
        _collect(registry, manager, origin, hook, cls)
    return registry


def _check_misspelt(manager: pluggy.PluginManager, origin: dict[str, tuple[str, str]]) -> None:
    specified = set(_HOOKS)
    for key, module in manager.list_name_plugin():
        for caller in manager.get_hookcallers(module) or ():
            if caller.name not in specified:
                package, version = origin[key]
                guess = nearest(caller.name, specified)
                raise PluginError(
                    f"unknown hook {caller.name!r}",
                    where=f"{package} {version}",
                    hint=f"did you mean {guess!r}?" if guess else f"hooks: {sorted(specified)}",
                )


def _collect(
    registry: Registry,
    manager: pluggy.PluginManager,
    origin: dict[str, tuple[str, str]],
    hook: str,
    cls: type,
) -> None:
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        package, version = origin[implementation.plugin_name]
        try:
            records = implementation.function()
        except (Exception, SystemExit) as error:
            registry.failures.append(Failure(hook, package, version, _last_line(error)))
            continue
        if not isinstance(records, list) or not all(isinstance(r, cls) for r in records):
            raise PluginError(
                f"hook {hook} must return a list of {cls.__name__}",
                where=f"{package} {version}",
            )
        for record in records:
            registry.add(record, package, version)


@cache
def registry() -> Registry:
    """The process's registry, loaded on first use."""
    return load_registry()
