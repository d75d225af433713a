"""The cache beside a snapshot with any file changed: used as it was, or made again."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.batches import prepared_images
from k3m_kg.batches.picture_cache import LIST
from k3m_kg.batches.prepared_images import PreparedImages, prepare_images
from k3m_kg.manifests import file_hash
from k3m_kg.model.compose import build_encoders
from k3m_kg.snapshot import Snapshot
from tests.catalogs import shop_snapshot
from tests.model.conftest import settings

from .mutations import attempts, change_bytes, change_file, change_json, change_words


class Pictures:
    """A snapshot, an encoder, and its cache."""

    def __init__(self, folder: Path) -> None:
        self.snapshot = Snapshot.open(shop_snapshot(folder, 12))
        self.encoder = build_encoders(settings(self.snapshot.path, folder / "out")).image
        self.right = {n: np.array(a) for n, a in self.prepare().arrays.items()}
        cache = self.snapshot.path.with_name(f"{self.snapshot.path.name}.cache")
        self.folder = cache / self.encoder.cache_key()
        self.array = self.folder / "pixels.npy"
        self.whole = folder / "whole"
        shutil.copytree(self.folder, self.whole)

    def prepare(self) -> PreparedImages:
        return prepare_images(self.snapshot, self.encoder)

    def restore(self) -> None:
        if self.folder.is_dir() and not self.folder.is_symlink():
            shutil.rmtree(self.folder)
        else:
            self.folder.unlink(missing_ok=True)
        shutil.copytree(self.whole, self.folder)

    def fit_hashes(self) -> None:
        found = {p.stem: [p.stat().st_size, file_hash(p)] for p in self.folder.glob("*.npy")}
        (self.folder / LIST).write_text(json.dumps(found))

    def check(self) -> None:
        found = self.prepare().arrays
        assert found.keys() == self.right.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, self.right[name])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return Pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(autouse=True)
def restored(pictures: Pictures) -> None:
    pictures.restore()


def test_a_sound_cache_is_used(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_images, "staging_folder", None)
    pictures.check()
    assert isinstance(pictures.prepare().arrays["pixels"].base, np.memmap)


def save(path: Path, array: np.ndarray) -> None:
    np.save(path, array)


def header(path: Path, shape: str) -> None:
    data = path.read_bytes()
    start, end = data.index(b"(") + 1, data.index(b")")
    text = shape.encode().ljust(end - start)
    path.write_bytes(data[:start] + text[: end - start] + data[end:])


CHANGES = {
    "truncated": lambda p: p.array.write_bytes(p.array.read_bytes()[:-1]),
    "empty": lambda p: p.array.write_bytes(b""),
    "longer": lambda p: p.array.write_bytes(p.array.read_bytes() + b"\0"),
    "fewer pictures": lambda p: save(p.array, p.right["pixels"][:-1]),
    "more pictures": lambda p: save(p.array, np.concatenate([p.right["pixels"]] * 2)),
    "swapped axes": lambda p: save(p.array, p.right["pixels"].transpose(0, 2, 3, 1)),
    "another dtype": lambda p: save(p.array, p.right["pixels"].astype(np.float32)),
    "signed": lambda p: save(p.array, p.right["pixels"].view(np.int8)),
    "column-major": lambda p: save(p.array, np.asfortranarray(p.right["pixels"])),
    "objects": lambda p: save(p.array, np.array([{"a": 1}], object)),
    "negative shape": lambda p: header(p.array, "-1, 3, 32"),
    "huge shape": lambda p: header(p.array, "9999999999"),
    "code for a shape": lambda p: header(p.array, "1//0,"),
    "missing": lambda p: p.array.unlink(),
    "a folder": lambda p: (p.array.unlink(), p.array.mkdir()),
    "a pipe": lambda p: (p.array.unlink(), os.mkfifo(p.array)),
    "a link": lambda p: (p.array.unlink(), p.array.symlink_to(p.whole / "pixels.npy")),
    "no list": lambda p: (p.folder / LIST).unlink(),
    "the list of before": lambda p: (p.folder / LIST).write_text('["pixels"]'),
    "paths in the list": lambda p: (p.folder / LIST).write_text('["../../../x", "/etc/passwd"]'),
    "more in the list": lambda p: (p.folder / LIST).write_text('{"../x": [1, "a"]}'),
    "a deep list": lambda p: (p.folder / LIST).write_text("[" * 100_000),
    "a list that is none": lambda p: (p.folder / LIST).write_bytes(b"\xff\0"),
    "another picture": lambda p: save(p.array, 255 - p.right["pixels"]),
    "a file for the folder": lambda p: (shutil.rmtree(p.folder), p.folder.write_text("x")),
}
FIT_ANYWAY = {"another dtype", "swapped axes", "fewer pictures", "more pictures", "signed"}


@pytest.mark.parametrize("change", CHANGES)
def test_a_wrong_cache_is_made_again_and_said(
    pictures: Pictures, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    CHANGES[change](pictures)
    if change in FIT_ANYWAY:
        pictures.fit_hashes()
    with caplog.at_level(logging.WARNING, "k3m_kg"):
        pictures.check()
        assert len(caplog.records) == 1
        assert "are made again" in caplog.text
        if change != "a file for the folder":  # what is not ours is not removed
            pictures.check()
            assert len(caplog.records) == 1


def test_another_process_was_first(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its cache is checked as well as one that was there from the start."""
    real = prepared_images.describe
    for change in (lambda p: None, CHANGES["another picture"], CHANGES["truncated"]):
        shutil.rmtree(pictures.folder)

        def describe(folder: Path, names: list[str], change=change) -> None:
            real(folder, names)
            pictures.restore()
            change(pictures)

        monkeypatch.setattr(prepared_images, "describe", describe)
        pictures.check()
    monkeypatch.undo()
    pictures.check()
    assert not caplog.records


def test_what_links_lead_to_stays(pictures: Pictures, tmp_path: Path) -> None:
    """A folder of others can hold links; nothing is written through them."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    marker = pictures.folder / "examined"
    marker.unlink()
    marker.symlink_to(mine)
    of_snapshot = pictures.folder.parent / "examined"
    of_snapshot.unlink(missing_ok=True)
    of_snapshot.symlink_to(mine)
    pictures.check()
    Snapshot.examine(pictures.snapshot.path)
    of_snapshot.unlink()
    shutil.rmtree(pictures.folder)
    pictures.folder.symlink_to(tmp_path)
    pictures.check()
    assert mine.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [mine]


@torch.no_grad()
def test_forged_caches(pictures: Pictures) -> None:
    for number in attempts(75):
        pictures.restore()
        rng = random.Random(number)
        file = rng.choice([pictures.array, pictures.array, pictures.folder / LIST])
        if file == pictures.array:
            data = file.read_bytes()
            if rng.random() < 0.6:  # the header alone
                file.write_bytes(change_bytes(data[:128], rng) + data[128:])
            else:
                file.write_bytes(rng.choice([change_bytes, change_words])(data, rng))
        else:
            change_file(file, rng, change_json)
        try:
            pictures.check()
        except Exception as error:
            raise AssertionError(f"cache {number}") from error
