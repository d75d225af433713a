"""Trained models that commands are run on; those who change one copy it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from k3m_kg.use.calibration.kept import calibrate
from k3m_kg.use.open_model import open_model
from tests.cli.commands.shop import judge
from tests.evaluation.shop import trained


@pytest.fixture(scope="session")
def artifact() -> Path:
    return trained()


@pytest.fixture(scope="session")
def snapshots(artifact: Path) -> Path:
    return artifact.parent / "snapshots"


@pytest.fixture(scope="session")
def calibrated(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the artifact with its calibration."""
    folder = shutil.copytree(artifact, tmp_path_factory.mktemp("calibrated") / "artifact")
    opened = open_model(folder, None, device="cpu")
    calibrate(opened)
    judge(folder, "ahead")
    return folder
