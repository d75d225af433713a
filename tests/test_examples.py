"""The shipped examples are what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.config import RunConfig, load_config
from k3m_kg.model.compose import build_encoders, resolve
from k3m_kg.readers.mapping import load_mapping

EXAMPLES = Path(__file__).parent.parent / "examples"
FASHION = EXAMPLES / "fashion"


@pytest.mark.parametrize("name", ["fashion/full", "fashion/quick", "magento/quick"])
def test_a_shipped_config_names_plugins_and_settings_that_exist(name: str) -> None:
    config = resolve(load_config(RunConfig, EXAMPLES / f"{name}.yaml"))
    encoders = build_encoders(config)
    assert encoders.image.num_targets > 0
    lpm = next(task for task in config.tasks if task.name == "lpm")
    assert lpm.settings["scorer"]["name"] == "transe"


def test_the_shipped_mapping_can_be_read() -> None:
    mapping = load_mapping(FASHION / "mapping.yaml")
    assert mapping is not None
