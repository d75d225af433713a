"""Small graphs made in memory, and pictures to go with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from k3m_kg.graph.stored import StoredImage, StoredProduct
from k3m_kg.records import ValueRecord


@dataclass
class MemoryStore:
    """A graph that is a list."""

    products: list[StoredProduct] = field(default_factory=list)
    values: list[ValueRecord] = field(default_factory=list)

    def iter_subjects(self) -> Iterator[StoredProduct | ValueRecord]:
        yield from sorted(self.products, key=lambda product: product.id)
        yield from self.values


def picture_of(path: Path) -> StoredImage:
    """A file as an ingest would have recorded it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return StoredImage(path.name, str(path), digest, 1, 1, None)


def product(
    id: str,
    title: str | None = None,
    triples: tuple[tuple[str, str], ...] = (),
    images: tuple[StoredImage, ...] = (),
    category: str | None = None,
) -> StoredProduct:
    return StoredProduct(id, title, category, triples, images)


def photo(path: Path, seed: int, size: tuple[int, int] = (40, 30)) -> Path:
    """A picture with many colours."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    """200 products with titles, triples and pictures, and some that lack each of them."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    files = [photo(folder / f"{number}.png", number) for number in range(12)]
    products = []
    for number in range(200):
        images = tuple(picture_of(files[(number * 7 + k) % 12]) for k in range(number % 3))
        triples = tuple(
            (f"p{k}", f"v{(number * (k + 3)) % (4 + k * 3)}") for k in range(number % 6)
        )
        title = None if number % 11 == 0 else f"Shirt number {number // 2}"
        products.append(
            product(f"id-{number:04}", title, triples, images if number < 30 else (), "shirt")
        )
    return MemoryStore(products)


@pytest.fixture
def make_photo(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, seed: int = 0, size: tuple[int, int] = (40, 30)) -> Path:
        return photo(tmp_path / name, seed, size)

    return make
