"""Artifacts are opened by their manifest, whoever registered it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from k3m_kg.errors import ArtifactError, PluginError
from k3m_kg.plugin.hookspecs import LinkPredictorPlugin
from k3m_kg.plugin.registry import Registry, registry
from k3m_kg.use import open_artifact
from k3m_kg.use.open_artifact import open_trained
from tests.evaluation.shop import trained

CPU = torch.device("cpu")


def kinds() -> dict[str, str]:
    found = {}
    for item in registry().installed("link-predictor"):
        assert isinstance(item.record, LinkPredictorPlugin)
        found[item.record.name] = item.record.manifest
    return found


def test_the_built_in_kinds_are_records_like_any_other() -> None:
    assert kinds() == {"k3m": "artifact.json", "kge": "kge.json"}
    assert open_trained(trained(), CPU).ranks


def test_without_its_record_an_artifact_of_ours_is_a_strangers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_artifact, "registry", Registry)
    with pytest.raises(ArtifactError, match="this is no artifact"):
        open_trained(trained(), CPU)


def test_the_module_that_opens_artifacts_imports_no_kind_of_them() -> None:
    code = (
        "import sys, k3m_kg.use.open_model\n"
        "print([n for n in sys.modules if n.startswith(('k3m_kg.kge', 'k3m_kg.training', "
        "'k3m_kg.model'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_of_no_known_kind_is_told_what_an_artifact_is(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="this is no artifact") as caught:
        open_trained(tmp_path, CPU)
    for manifest in kinds().values():
        assert manifest in str(caught.value)
    with pytest.raises(ArtifactError, match="no such artifact"):
        open_trained(tmp_path / "nowhere", CPU)


def test_an_unfinished_training_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.run" / "checkpoint").mkdir(parents=True)
    with pytest.raises(ArtifactError, match="no such artifact") as caught:
        open_trained(tmp_path / "model", CPU)
    assert "--resume goes on" in str(caught.value)


def test_a_folder_cannot_be_of_two_kinds(tmp_path: Path) -> None:
    folder = shutil.copytree(trained(), tmp_path / "both")
    (folder / "kge.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"artifact\.json and kge\.json"):
        open_trained(folder, CPU)


def test_two_plugins_with_one_manifest_are_an_error_that_names_both() -> None:
    found = Registry()
    found.add(LinkPredictorPlugin("one", "", "m.json", lambda path, device: None), "acme", "1")
    found.add(LinkPredictorPlugin("two", "", "n.json", lambda path, device: None), "other", "2")
    with pytest.raises(PluginError, match=r"m\.json: acme 1 and third 3"):
        found.add(LinkPredictorPlugin("three", "", "m.json", lambda *a: None), "third", "3")


def test_what_a_record_opens_must_keep_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Registry()
    found.add(LinkPredictorPlugin("odd", "", "m.json", lambda path, device: "model"), "acme", "1")
    monkeypatch.setattr(open_artifact, "registry", lambda: found)
    (tmp_path / "m.json").write_text("{}")
    with pytest.raises(PluginError, match="something else than a TrainedPredictor"):
        open_trained(tmp_path, CPU)
