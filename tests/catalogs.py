"""Small catalogs for tests, made on the spot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from k3m_kg.graph.stored import StoredImage, StoredProduct
from k3m_kg.snapshot import build_snapshot
from k3m_kg.snapshot.settings import SnapshotSettings

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (30, 40, 200)}
KINDS = ("mug", "shirt", "lamp", "old shoe")


class Shop:
    """A store of products whose colour stands in picture and title, its kind in the title."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        self.products = [self._product(folder, number, random) for number in range(count)]

    def _product(self, folder: Path, number: int, random: np.random.Generator) -> StoredProduct:
        colour = list(COLOURS)[random.integers(len(COLOURS))]
        kind = KINDS[random.integers(len(KINDS))]
        price = "cheap" if kind in ("mug", "lamp") else "dear"
        images = ()
        if number % 7:
            path = folder / f"{number}.png"
            pixels = np.full((32, 32, 3), COLOURS[colour], np.float64)
            pixels += random.normal(0, 12, pixels.shape)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            images = (StoredImage(path.name, str(path), digest, 32, 32, None),)
        title = None if number % 5 == 3 else f"nice {colour} {kind} no {number}"
        triples = (("itemColour", colour), ("kind", kind), ("price", price), ("fits", "all"))
        if number % 6 == 0:  # a property with several values
            triples += (("itemColour", list(COLOURS)[(number // 6) % 3]),)
        if number == 10:
            triples = ()
        return StoredProduct(f"p{number:03}", title, None, tuple(dict.fromkeys(triples)), images)

    def iter_products(self) -> Iterator[StoredProduct]:
        yield from self.products

    def iter_subjects(self) -> Iterator[StoredProduct]:
        return self.iter_products()


def shop_snapshot(folder: Path, count: int, **settings: object) -> Path:
    """A snapshot of a shop of `count` products."""
    store = Shop(folder / "pictures", count)
    chosen = SnapshotSettings(**{"holdout": 0, **settings})
    return build_snapshot(store, folder / "snapshots", chosen).snapshot.path
