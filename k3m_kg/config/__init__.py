"""Settings: what a config file may say, and reading it.

Here: the base of every settings class, the run config of pretraining, YAML that can only be data.
Not here: settings of one component; those stand beside it and derive from `Settings`.
"""

from k3m_kg.config.loading import load_config, read_yaml, with_overrides
from k3m_kg.config.run import (
    InteractorSettings,
    ModelSettings,
    RunConfig,
    StructureSettings,
    TaskComponent,
    TrainingSettings,
    ValidationSettings,
)
from k3m_kg.config.settings import Component, Settings, validate_settings

__all__ = [
    "Component",
    "InteractorSettings",
    "ModelSettings",
    "RunConfig",
    "Settings",
    "StructureSettings",
    "TaskComponent",
    "TrainingSettings",
    "ValidationSettings",
    "load_config",
    "read_yaml",
    "validate_settings",
    "with_overrides",
]
