"""Nothing is asked of a hub without leave, also where a config names another model inside."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from transformers import DetrConfig, ResNetConfig

from k3m_kg.api import ConfigError, ModelContext, hub_access
from k3m_kg.plugin.registry import registry


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The hosts that somebody wanted to reach, who were told that there is no network."""
    found: list[object] = []

    def refused(*words: object, **_: object) -> None:
        found.append(words[0])
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    return found


@pytest.mark.parametrize("name", ["detector", "pretrained-vision"])
def test_a_config_that_names_a_backbone_of_the_hub_reaches_nobody(
    name: str, tmp_path: Path, asked: list[object]
) -> None:
    config = json.loads(DetrConfig(backbone_config=ResNetConfig()).to_json_string())
    del config["backbone_config"]
    config |= {
        "model_type": "detr",
        "backbone": "somebody/else",
        "use_pretrained_backbone": True,
        "use_timm_backbone": False,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    record = registry().find("image-encoder", name).record
    with pytest.raises(ConfigError, match="no "):
        record.factory(record.config(model=str(tmp_path)), ModelContext(16))
    assert asked == []


def test_leave_is_given_for_a_while_only() -> None:
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    with hub_access(allowed=False):
        assert constants.is_offline_mode()
        with hub_access(allowed=True):
            assert constants.is_offline_mode(), "who has none cannot give it"
    assert before == constants.HF_HUB_OFFLINE
