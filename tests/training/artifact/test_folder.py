"""Artifacts of earlier versions open, and say the same as when they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from k3m_kg.snapshot import Snapshot
from k3m_kg.testing.shop import shop_snapshot
from k3m_kg.training.artifact.folder import Artifact

OLD = Path(__file__).parent / "artifacts"


def test_an_artifact_of_format_1_gives_the_vectors_that_it_gave(tmp_path: Path) -> None:
    """Written by the version before modalities went by name, over the same shop."""
    snapshot = Snapshot.open(shop_snapshot(tmp_path, 40, validation=0.2, test=0.2))
    artifact = Artifact.load(OLD / "format-1")
    with torch.no_grad():
        batch = artifact.batcher(snapshot).batch(np.arange(len(snapshot)))
        found = artifact.model.heads(batch).numpy()
    np.testing.assert_allclose(found, np.load(OLD / "format-1.npy"), atol=1e-5)
