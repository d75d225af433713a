"""Every installed plugin, its records handed out by kind and name."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from k3m_kg.config import Component, Settings, validate_settings
from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.plugin.discovery import Failure, Installed, clash, discover
from k3m_kg.plugin.hookspecs import (
    CommandPlugin,
    EvaluationPlugin,
    FusionPlugin,
    ImageEncoderPlugin,
    InteractorPlugin,
    LinkLossPlugin,
    LinkPredictorPlugin,
    LinkScorerPlugin,
    ModalityPlugin,
    NegativeSamplerPlugin,
    Plugin,
    ReaderPlugin,
    StructurePlugin,
    TaskPlugin,
    TextEncoderPlugin,
)

_HOOKS: dict[str, type] = {
    "k3m_kg_readers": ReaderPlugin,
    "k3m_kg_image_encoders": ImageEncoderPlugin,
    "k3m_kg_text_encoders": TextEncoderPlugin,
    "k3m_kg_modalities": ModalityPlugin,
    "k3m_kg_interactors": InteractorPlugin,
    "k3m_kg_fusions": FusionPlugin,
    "k3m_kg_structures": StructurePlugin,
    "k3m_kg_tasks": TaskPlugin,
    "k3m_kg_link_scorers": LinkScorerPlugin,
    "k3m_kg_link_losses": LinkLossPlugin,
    "k3m_kg_negative_samplers": NegativeSamplerPlugin,
    "k3m_kg_link_predictors": LinkPredictorPlugin,
    "k3m_kg_evaluations": EvaluationPlugin,
    "k3m_kg_commands": CommandPlugin,
}
KINDS: dict[str, type] = {cls.kind: cls for cls in _HOOKS.values()}  # type: ignore[attr-defined]
_P = TypeVar("_P")


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
            raise clash(f"provide the {record.kind} {record.name!r}", other, mine)
        if isinstance(record, LinkPredictorPlugin):
            for other in self.installed(LinkPredictorPlugin.kind):
                assert isinstance(other.record, LinkPredictorPlugin)
                if other.record.manifest == record.manifest:
                    raise clash(f"open artifacts with {record.manifest}", other, mine)
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


def load_registry() -> Registry:
    """Load every entry point of the group `k3m_kg`.

    An entry point that fails to import becomes a `Failure` and takes nothing else down.

    Raises:
        PluginError: two packages provide one name, a hook is misspelt or has wrong arguments,
            or a hook returns something other than its records.
    """
    found = discover()
    registry = Registry(failures=found.failures)
    for hook, cls in _HOOKS.items():
        for item in found.collect(hook, cls):
            registry.add(item.record, item.package, item.version)
    return registry


@cache
def registry() -> Registry:
    """The process's registry, loaded on first use."""
    return load_registry()
