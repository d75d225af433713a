"""Configs over a small shop, and runs in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.catalogs import shop_snapshot
from tests.processes import AT, HANG, hear_ctrl_c

TINY: dict[str, Any] = {
    "image_encoder": {
        "name": "patch-vit",
        "size": 32,
        "patch": 8,
        "channels": [8, 8],
        "heads": 2,
        "codebook": 8,
        "colours": 8,
        "shift": 1,
    },
    "text_encoder": {"name": "bert-wordpiece", "vocab_size": 200, "layers": 1, "heads": 2},
    "tasks": ["mlm", "mom", "lpm", "modality-dropout"],
    "model": {"hidden": 16, "interactor": {"layers": 1, "heads": 2}},
    "training": {
        "epochs": 2,
        "batch_size": 8,
        "threads": 1,
        "ema": 0.9,
        "checkpoint_steps": 3,
        "log_steps": 2,
        "device": "cpu",
    },
}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop_snapshot(tmp_path_factory.mktemp("shop"), 60)


@pytest.fixture
def config_file(shop: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes the tiny config, with sections changed; returns its path."""

    def write(name: str = "run", **changes: Any) -> Path:
        data = {"snapshot": str(shop), "output": str(tmp_path / name), **TINY}
        for key, value in changes.items():
            old = data.get(key)
            data[key] = old | value if isinstance(value, dict) and isinstance(old, dict) else value
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(data))
        return path

    return write


def k3m_kg(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from k3m_kg.cli.app import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def interrupted(
    place: str, nth: int, number: signal.Signals, *arguments: object
) -> subprocess.CompletedProcess[str]:
    """The command line, which gets a signal when it calls `place` for the nth time."""
    return subprocess.run(
        [sys.executable, "-c", AT, place, str(nth), str(int(number)), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
        preexec_fn=hear_ctrl_c,
    )
