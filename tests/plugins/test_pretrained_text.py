"""What is said of a pretrained text encoder that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.contracts import ModelContext
from k3m_kg.errors import ConfigError
from k3m_kg.plugin.hookspecs import TextEncoderPlugin
from k3m_kg.plugin.registry import registry


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (False, "there is no such folder, and nothing may be downloaded"),
        (True, "there is no config.json in this folder"),
    ],
)
def test_a_wrong_folder_is_told_in_a_whole_sentence(
    tmp_path: Path, made: bool, reason: str
) -> None:
    folder = tmp_path / "model"
    if made:
        folder.mkdir()
    record = registry().get(TextEncoderPlugin, "pretrained-text")
    with pytest.raises(ConfigError) as raised:
        record.factory(record.config(model=str(folder)), ModelContext(hidden=16))
    assert raised.value.message.endswith(reason)
