"""Settings: what a config file may say, and reading it.

Here: the base of every settings class, the run config of pretraining, YAML that can only be data.
Not here: settings of one component; those stand beside it and derive from `Settings`.
"""

from k3m_kg.config.loading import as_written, load_config, read_yaml, with_overrides
from k3m_kg.config.run import (
    EvidenceSettings,
    InteractorComponent,
    ModelSettings,
    RunConfig,
    StructureComponent,
    TaskComponent,
    TrainingSettings,
    ValidationSettings,
)
from k3m_kg.config.settings import (
    Component,
    LinkScorerComponent,
    NoSettings,
    Settings,
    components_in,
    validate_settings,
)

__all__ = [
    "Component",
    "EvidenceSettings",
    "InteractorComponent",
    "LinkScorerComponent",
    "ModelSettings",
    "NoSettings",
    "RunConfig",
    "Settings",
    "StructureComponent",
    "TaskComponent",
    "TrainingSettings",
    "ValidationSettings",
    "as_written",
    "components_in",
    "load_config",
    "read_yaml",
    "validate_settings",
    "with_overrides",
]
