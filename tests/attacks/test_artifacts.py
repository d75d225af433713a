"""Artifacts and checkpoints with any file changed, with hashes that fit: used or refused."""

from __future__ import annotations

import contextlib
import json
import math
import random
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, BertConfig

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.contracts import load_frozen, save_frozen, saved_network
from k3m_kg.errors import ArtifactError, K3MError
from k3m_kg.kge.training import train
from k3m_kg.manifests import described_files
from k3m_kg.training.pretrain import pretrain
from k3m_kg.use.calibration.kept import load_calibration
from k3m_kg.use.open_artifact import open_trained
from tests.catalogs import shop_snapshot
from tests.kge import toy
from tests.training.conftest import TINY

from .mutations import attempts, change_bytes, change_file, change_json, change_yaml

CPU = torch.device("cpu")
CALIBRATION = {
    "format": 3,
    "snapshot": "s",
    "weights": "w",
    "fitting": {"products": 1, "questions": 1},
    "proof": {"products": 1, "questions": 1},
    "pooled": 1.0,
    "properties": {
        "kind": {
            "temperature": 1.5,
            "source": "own",
            "fitting": 1,
            "probability": [0.5],
            "right": [True],
            "lacking": [0.5],
            "applies": [0.5],
        }
    },
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop_snapshot(tmp_path_factory.mktemp("shop"), 40, holdout=0.3)


@pytest.fixture(scope="module", params=["k3m", "kge"])
def artifact(request: pytest.FixtureRequest, shop: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    if request.param == "k3m":
        settings = TINY | {"snapshot": str(shop), "output": str(folder / "a")}
        settings["training"] = {**TINY["training"], "epochs": 1}
        path = pretrain(validate_settings(RunConfig, settings, "test"))
    else:
        config = toy.config(folder, folder / "a", training={"epochs": 1})
        path = train(config.model_copy(update={"triples": None, "snapshot": shop}))
    record = json.loads(next(path.glob("*.json")).read_text())
    assert record
    return path


def forge(folder: Path, manifest: str, number: int) -> str:
    """Change one file, mostly with hashes that fit; which, and how, follows from the number."""
    rng = random.Random(number)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    file = rng.choice([*files, folder / manifest, folder / "labels.json", folder / "config.yaml"])
    kinds = {".json": [change_json], ".yaml": [change_yaml]}
    change_file(file, rng, *kinds.get(file.suffix, [change_bytes]))
    if file.name != manifest and rng.random() < 0.9:
        record = json.loads((folder / manifest).read_text())
        listed = record["files"].keys()
        record["files"] = {k: v for k, v in described_files(folder).items() if k in listed}
        (folder / manifest).write_text(json.dumps(record))
    return str(file.relative_to(folder))


def test_a_forged_artifact_is_used_or_refused(artifact: Path, tmp_path: Path) -> None:
    manifest = "artifact.json" if (artifact / "artifact.json").exists() else "kge.json"
    open_trained(artifact, CPU)
    copy, wrong = tmp_path / "copy", {}
    for number in attempts(20):
        shutil.copytree(artifact, copy)
        name = forge(copy, manifest, number)
        try:
            trained = open_trained(copy, CPU)
            for candidates, counts in zip(
                trained.catalog.candidates, trained.catalog.counts, strict=True
            ):
                assert len(candidates) == len(counts)
                assert all(0 <= i < len(trained.catalog.values) for i in candidates.tolist())
        except K3MError:
            pass
        except Exception as error:
            wrong[number] = f"{name}: {error!r}"[:300]
        shutil.rmtree(copy)
    assert wrong == {}


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"format": 1}', '{"format": 1, "files": []}', '{"format": 1e400, "files": {}}',
     '{"format": 1, "files": {"../x": {"bytes": 1, "sha256": ""}}}',
     '{"format": 1, "files": {"/etc/passwd": {"bytes": 1, "sha256": ""}}}',
     '{"format": 1, "files": {"a\\u0000": {"bytes": 1, "sha256": ""}}}',
     '{"format": 1, "files": {"' + "x" * 6_000 + '": {"bytes": 1, "sha256": ""}}}',
     '{"format": 1, "files": {}}', "[" * 100_000, "\xff"],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(artifact: Path, tmp_path: Path, text: str) -> None:
    manifest = "artifact.json" if (artifact / "artifact.json").exists() else "kge.json"
    shutil.copytree(artifact, tmp_path / "copy")
    (tmp_path / "copy" / manifest).write_text(text, encoding="latin-1")
    with pytest.raises(K3MError):
        open_trained(tmp_path / "copy", CPU)


@pytest.mark.parametrize(
    ("old", "new"),
    [("hidden: 16", "hidden: 1600000"), ("dimension: 8", "dimension: 2000000000")],
)
def test_sizes_that_the_weights_do_not_have_are_refused_before_memory_is_asked_for(
    artifact: Path, tmp_path: Path, old: str, new: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(artifact, copy)
    text = (copy / "config.yaml").read_text()
    if old not in text:
        pytest.skip("a setting of the other kind of artifact")
    (copy / "config.yaml").write_text(text.replace(old, new))
    manifest = "artifact.json" if (copy / "artifact.json").exists() else "kge.json"
    record = json.loads((copy / manifest).read_text())
    record["files"] = {k: v for k, v in described_files(copy).items() if k in record["files"]}
    (copy / manifest).write_text(json.dumps(record))
    with pytest.raises(K3MError, match=r"shape|damaged|hidden|dimension"):
        open_trained(copy, CPU)


def test_a_forged_network_of_transformers_is_built_or_refused(tmp_path: Path) -> None:
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 30}
    config = BertConfig(**sizes, intermediate_size=8, max_position_embeddings=16)
    save_frozen(AutoModel.from_config(config), tmp_path)
    good = json.dumps(config.to_dict()).encode()
    wrong, said = {}, list[str]()
    for number in attempts(15):
        rng = random.Random(number)
        data = change_json(good, rng)
        while rng.random() < 0.3:
            with contextlib.suppress(ValueError, RecursionError):
                data = change_json(data, rng)
        (tmp_path / "config.json").write_bytes(data)
        try:
            network = saved_network(AutoModel, tmp_path, tmp_path)
            load_frozen(network, tmp_path)
        except ArtifactError as error:
            said.append(str(error))
        except Exception as error:
            wrong[number] = repr(error)[:300]
    assert wrong == {}
    assert all(0 < len(text) < 2_000 for text in said)


def test_a_forged_calibration_is_used_or_refused(artifact: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(artifact, copy)
    trained = open_trained(copy, CPU)
    good = json.dumps({**CALIBRATION, "weights": trained.weights}).encode()
    (copy / "calibration.json").write_bytes(good)
    assert load_calibration(trained) is not None
    for number in attempts(50):
        (copy / "calibration.json").write_bytes(change_json(good, random.Random(number)))
        try:
            found = load_calibration(trained)
            assert found is not None
            assert math.isfinite(found.temperature("kind"))
            assert all(
                len(part.right) == len(part.probability) for part in found.properties.values()
            )
        except K3MError:
            continue


def test_a_forged_checkpoint_is_resumed_or_refused(shop: Path, tmp_path: Path, monkeypatch) -> None:
    """A training that was stopped goes on from what is there, or says what is wrong with it."""
    import k3m_kg.training.pretrain as module

    class Stopped(Exception):
        pass

    settings = TINY | {"snapshot": str(shop), "output": str(tmp_path / "a")}
    config = validate_settings(RunConfig, settings, "test")

    def stop(self: object) -> None:
        raise Stopped

    monkeypatch.setattr(module._Run, "train", stop)
    with pytest.raises(Stopped):
        pretrain(config)
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path / "a.run", whole)
    wrong = {}
    for number in attempts(12):
        rng = random.Random(number)
        shutil.copytree(whole, tmp_path / "a.run", dirs_exist_ok=True)
        folder = tmp_path / "a.run"
        files = [folder / "config.json", *folder.glob("checkpoint/*/*"), *folder.glob("assets/*")]
        file = rng.choice(files)
        change_file(file, rng, change_json if file.suffix == ".json" else change_bytes)
        try:
            pretrain(config, resume=True)
        except (K3MError, Stopped):
            pass
        except Exception as error:
            wrong[number] = f"{file.name}: {error!r}"[:300]
    assert wrong == {}
