"""Devices, pipes, folders and links in place of a file that is read: an answer or one error.

A device has no end, a pipe no beginning until somebody writes to it.
"""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from k3m_kg.bench.pairs import read_pairs
from k3m_kg.errors import CatalogError, K3MError
from k3m_kg.kge.training import train
from k3m_kg.search.kept import brought_up_to_date, open_kept
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.calibration.kept import load_calibration
from k3m_kg.use.open_artifact import open_trained
from k3m_kg.use.open_model import open_model
from tests.bench import files
from tests.catalogs import shop_snapshot
from tests.kge import toy
from tests.processes import no_hang

CPU = torch.device("cpu")
ODD: dict[str, Callable[[Path], object]] = {
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "full": lambda path: path.symlink_to("/dev/full"),
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "loop": lambda path: path.symlink_to(path.name),
    "nowhere": lambda path: path.symlink_to("nowhere"),
}
ROOM = 1 << 30


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Reading without end ends in a MemoryError soon."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text("ascii").split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + ROOM, hard))
    with no_hang():
        yield
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def ways(folder: Path) -> Iterator[tuple[Path, str]]:
    for file in sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()):
        for odd in ODD:
            yield file, odd


def tried(folder: Path, copy: Path, use: Callable[[Path], object]) -> dict[str, str]:
    """What is wrong with the uses of copies of a folder with one odd file."""
    wrong = {}
    for file, odd in ways(folder):
        shutil.copytree(folder, copy)
        (copy / file).unlink()
        ODD[odd](copy / file)
        try:
            use(copy)
        except K3MError:
            pass
        except BaseException as error:
            wrong[f"{file} {odd}"] = repr(error)[:300]
        shutil.rmtree(copy)
    return wrong


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop_snapshot(tmp_path_factory.mktemp("shop"), 40, holdout=0.3)


@pytest.fixture(scope="module")
def embeddings(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    config = toy.config(folder, folder / "a", training={"epochs": 1})
    return train(config.model_copy(update={"triples": None, "snapshot": shop}))


def test_in_a_snapshot(shop: Path, tmp_path: Path) -> None:
    def use(folder: Path) -> None:
        found = Snapshot.open(folder)
        for row in range(len(found)):
            for position in range(len(found.product(row).images)):
                found.image(row, position)

    assert tried(shop, tmp_path / "copy", use) == {}


def test_in_an_artifact(embeddings: Path, tmp_path: Path) -> None:
    (embeddings / "calibration.json").write_text("{}")

    def use(folder: Path) -> None:
        load_calibration(open_trained(folder, CPU))

    assert tried(embeddings, tmp_path / "copy", use) == {}


def test_in_kept_vectors(embeddings: Path, tmp_path: Path) -> None:
    opened = open_model(embeddings, None, device="cpu")
    brought_up_to_date(tmp_path / "a.vectors", opened)
    wrong = tried(tmp_path / "a.vectors", tmp_path / "copy", lambda copy: open_kept(copy, opened))
    assert wrong == {}


@pytest.mark.parametrize("made", [files.magellan, files.ditto])
def test_in_a_folder_of_pairs(made: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = made(tmp_path / "data")
    for file in sorted(folder.iterdir()):
        file.unlink()
        file.symlink_to("/dev/zero")
        with pytest.raises(CatalogError):
            read_pairs(folder)
