"""What an artifact says of a network of transformers is data: no code, no more than its weights."""

from __future__ import annotations

import ast
import builtins
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, BertConfig

from k3m_kg.contracts import load_frozen, save_frozen, saved_network
from k3m_kg.contracts import saved_networks as module
from k3m_kg.errors import ArtifactError
from tests.sources import ROOT

SMALL = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 30}
CODE = """
open({mark!r}, "w")
from transformers import PretrainedConfig
class Own(PretrainedConfig):
    model_type = "own"
"""


def saved(folder: Path, **changes: Any) -> Path:
    config = BertConfig(**SMALL, intermediate_size=8, max_position_embeddings=16)
    torch.manual_seed(0)
    save_frozen(AutoModel.from_config(config), folder)
    (folder / "config.json").write_text(json.dumps(config.to_dict() | changes))
    return folder


def test_it_comes_back_with_its_weights(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    network = saved_network(AutoModel, folder, folder)
    load_frozen(network, folder)
    with torch.device("meta"):
        assert next(saved_network(AutoModel, folder, folder).parameters()).is_meta


@pytest.mark.parametrize("of", ["own", "bert"])
def test_code_of_its_own_is_not_run_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    """Transformers would ask on the terminal, and `yes` would run what lies in the artifact."""

    def asked(*_: object) -> str:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(builtins, "input", asked)
    mark = tmp_path / "ran"
    named = dict.fromkeys(("AutoConfig", "AutoModel"), "own.Own")
    folder = saved(tmp_path, model_type=of, auto_map=named)
    (folder / "own.py").write_text(CODE.format(mark=str(mark)))
    try:
        saved_network(AutoModel, folder, folder)
    except ArtifactError:
        assert of == "own"
    assert not mark.exists()


@pytest.mark.parametrize(
    "changes",
    [{"hidden_size": 1 << 20}, {"vocab_size": 1 << 34}, {"num_hidden_layers": 2}],
)
def test_more_than_its_weights_is_refused_before_memory_is_asked_for(
    tmp_path: Path, changes: dict[str, int]
) -> None:
    folder = saved(tmp_path, **changes)
    with pytest.raises(ArtifactError, match="no weights of the network"):
        saved_network(AutoModel, folder, folder)


def test_layers_without_end_are_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_PARTS", 500)
    folder = saved(tmp_path, num_hidden_layers=10**9)
    with pytest.raises(ArtifactError, match="more than 500"):
        saved_network(AutoModel, folder, folder)


def test_no_call_leaves_it_to_the_library_whether_code_is_run() -> None:
    """Every `from_pretrained` and `from_config` says no, by a word or among its options."""
    found = 0
    for path in [*(ROOT / "k3m_kg").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("from_pretrained", "from_config"):
                found += 1
                words = {word.arg: word.value for word in node.keywords}
                said = words.get("trust_remote_code")
                no = isinstance(said, ast.Constant) and said.value is False
                options = words.get(None)
                assert no or (isinstance(options, ast.Name) and options.id == "options"), path
    assert found > 3
