"""Which settings may change when a run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.errors import ConfigError
from k3m_kg.training.run.resuming import check_config, keep_config


def config(**training: object) -> RunConfig:
    data = {"snapshot": "snapshots", "output": "out", "training": training}
    return validate_settings(RunConfig, data, "test")


@pytest.mark.parametrize(
    "training",
    [
        {"loggers": ["tensorboard", "mlflow"]},
        {"loggers": []},
        {"log_steps": 3, "checkpoint_steps": 7, "keep_checkpoints": 5},
        {"threads": 1},
    ],
)
def test_what_nothing_learned_hangs_on(tmp_path: Path, training: dict[str, object]) -> None:
    keep_config(config(), tmp_path)
    check_config(config(**training), tmp_path)


def test_all_else_is_refused_by_name(tmp_path: Path) -> None:
    keep_config(config(), tmp_path)
    with pytest.raises(ConfigError, match=r"run began: training\.seed\n"):
        check_config(config(seed=1, threads=2), tmp_path)
