"""Pretraining on a frozen network: it runs once per picture, and the artifact brings it along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from k3m_kg.config import Component
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.artifact.folder import Artifact
from k3m_kg.training.pretrain import Silent, pretrain
from k3m_kg_vision.region_features import RegionFeatures
from tests.catalogs import shop_snapshot
from tests.conformance.test_pretrained_vision import COMMON, PATCHES, save
from tests.model.conftest import settings


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, Path, Any]:
    checkpoint = tmp_path / "vit"
    save(checkpoint, "vit", PATCHES, 32, "AutoModel")
    snapshot = shop_snapshot(tmp_path / "shop", 60)
    config = settings(snapshot, tmp_path / "out")
    encoder = Component(name="pretrained-vision", settings=COMMON | {"model": str(checkpoint)})
    return pretrain(config.model_copy(update={"image_encoder": encoder})), snapshot, checkpoint


def test_the_artifact_needs_no_checkpoint_and_finds_the_same_cache(
    trained: tuple[Path, Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cut, checkpoint = trained
    for file in checkpoint.iterdir():
        file.unlink()
    artifact, snapshot = Artifact.load(path), Snapshot.open(cut)
    names = [name for name in artifact.model.state_dict() if "network" in name]
    assert names == [], "frozen weights are no part of checkpoints"

    prepared: list[int] = []
    original = RegionFeatures.prepare

    def prepare(self: RegionFeatures, images: Any, hashes: Any) -> Any:
        prepared.append(len(images))
        return original(self, images, hashes)

    monkeypatch.setattr(RegionFeatures, "prepare", prepare)
    batch = artifact.batcher(snapshot).batch(snapshot.rows("test")[:4])
    assert artifact.model(batch).cstar_BH.isfinite().all()
    assert prepared == [1], "one, to see that the cache is what the encoder gives"


def test_an_interrupted_run_goes_on_without_the_checkpoint(tmp_path: Path) -> None:
    """The network is read from what the run keeps, before pictures are asked for."""

    class Interrupt(Silent):
        def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "vit"
    save(checkpoint, "vit", PATCHES, 32, "AutoModel")
    config = settings(shop_snapshot(tmp_path / "shop", 60), tmp_path / "out")
    encoder = Component(name="pretrained-vision", settings=COMMON | {"model": str(checkpoint)})
    config = config.model_copy(update={"image_encoder": encoder})
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, observer=Interrupt())
    for file in checkpoint.iterdir():
        file.unlink()
    assert Artifact.load(pretrain(config, resume=True)).metrics["epochs"] == 2


def test_the_artifact_prepares_what_it_never_saw(
    trained: tuple[Path, Path, Any], tmp_path: Path
) -> None:
    path, cut, _ = trained
    artifact, before = Artifact.load(path), Snapshot.open(cut)
    (cut.parent / f"{cut.name}.cache").rename(tmp_path / "elsewhere")
    rows = before.rows("test")[:4]
    batch = artifact.batcher(before).batch(rows)
    (features,) = (tmp_path / "elsewhere").glob("regions-*/features.npy")
    kept = np.load(features)
    index = np.cumsum(np.diff(before.image_offsets) > 0)[rows] - 1
    index = index[np.diff(before.image_offsets)[rows] > 0]
    np.testing.assert_array_equal(batch.modalities["image"].arrays["features"], kept[index])
