"""Which of a product's pictures the model takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.batches.image import ImageData
from k3m_kg.batches.prepared_images import PreparedImages, prepare_images
from k3m_kg.model.compose import build_encoders
from k3m_kg.snapshot import Snapshot, build_snapshot
from k3m_kg.snapshot.settings import SnapshotSettings
from k3m_kg.training.pretrain import pretrain
from tests.catalogs import Shop
from tests.model.conftest import Built, settings


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Products with none, one, two and three pictures."""
    folder = tmp_path_factory.mktemp("album")
    shop = Shop(folder / "pictures", 40)
    usable = [image for product in shop.products for image in product.images]
    shop.products = [
        replace(product, images=tuple(usable[(3 * number + k) % len(usable)] for k in range(count)))
        for number, product in enumerate(shop.products)
        for count in [number % 4]
    ]
    chosen = SnapshotSettings(holdout=0)
    return build_snapshot(shop, folder / "snapshots", chosen).snapshot


def prepared(album: Snapshot, tmp_path: Path, *, every: bool) -> PreparedImages:
    encoder = build_encoders(settings(album.path, tmp_path / "out")).image
    images = prepare_images(album, encoder, every=every)
    for row in range(len(album)):
        for position in range(images.count_N[row]):
            picture = album.image(row, position)
            assert picture is not None
            wanted = encoder.prepare([picture], ["none"])
            index = images.picture_P[images.row_N[row] + position]
            for name, (array,) in wanted.items():
                np.testing.assert_array_equal(images.arrays[name][index], array)
    return images


def test_every_picture_is_prepared_in_order_and_the_first_stay_apart(
    album: Snapshot, tmp_path: Path
) -> None:
    counts = np.diff(album.image_offsets)
    assert set(counts) == {0, 1, 2, 3}
    first = prepared(album, tmp_path, every=False)
    np.testing.assert_array_equal(first.count_N, np.minimum(counts, 1))
    every = prepared(album, tmp_path, every=True)
    np.testing.assert_array_equal(every.count_N, counts)
    np.testing.assert_array_equal(every.row_N < 0, counts == 0)
    # Opened again, from the cache of each.
    prepared(album, tmp_path, every=False)
    prepared(album, tmp_path, every=True)


def test_a_random_choice_takes_each_picture_of_the_product_and_no_other(
    album: Snapshot, tmp_path: Path
) -> None:
    images = prepared(album, tmp_path, every=True)
    rows = np.arange(len(album)).repeat(200)
    chosen = images.choose(rows, np.random.default_rng(0))
    for row in range(len(album)):
        count, first = int(images.count_N[row]), int(images.row_N[row])
        seen = set(chosen[rows == row].tolist())
        assert seen == (set(images.picture_P[first : first + count].tolist()) if count else {-1})
    firsts = np.where(images.row_N[rows] < 0, -1, images.picture_P[images.row_N[rows]])
    np.testing.assert_array_equal(images.choose(rows), firsts)


def test_a_picture_that_several_products_have_is_prepared_once(
    album: Snapshot, tmp_path: Path
) -> None:
    images = prepared(album, tmp_path, every=True)
    assert images.count_N.sum() > album.thumbnail_count
    assert {len(array) for array in images.arrays.values()} == {album.thumbnail_count}


def test_a_batch_takes_the_first_picture_unless_given_a_generator(
    album: Snapshot, tmp_path: Path
) -> None:
    built = Built(album, settings(album.path, tmp_path / "out"))
    images = prepared(album, tmp_path, every=True)
    describe = built.model.encoders["image"].describe
    built.batcher.modalities["image"] = ImageData(album, images, describe)
    rows = np.flatnonzero(images.count_N == 3)
    name = next(iter(images.arrays))

    def pictures(*random: np.random.Generator) -> torch.Tensor:
        return built.batcher.batch(rows, *random).modalities["image"].arrays[name]

    first = torch.from_numpy(images.arrays[name][images.picture_P[images.row_N[rows]]])
    assert torch.equal(pictures(), first)
    assert torch.equal(pictures(np.random.default_rng(1)), pictures(np.random.default_rng(1)))
    assert not torch.equal(pictures(np.random.default_rng(1)), first)


@pytest.mark.parametrize("picture", ["first", "random"])
def test_training_chooses_as_the_config_says(
    album: Snapshot, tmp_path: Path, picture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: set[tuple[bool, bool]] = set()
    real = PreparedImages.choose

    def choose(self: PreparedImages, rows: np.ndarray, random: Any = None) -> np.ndarray:
        calls.add((random is not None, bool(self.count_N.max() > 1)))
        return real(self, rows, random)

    monkeypatch.setattr(PreparedImages, "choose", choose)
    config = settings(album.path, tmp_path / "out", model={"picture": picture})
    pretrain(config)
    # Validation takes the first pictures, whatever training does.
    assert calls == ({(True, True), (False, True)} if picture == "random" else {(False, False)})
