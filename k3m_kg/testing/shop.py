"""A small shop, made on the spot: what conformance tests and ours are run on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from k3m_kg.graph.stored import StoredImage, StoredProduct
from k3m_kg.snapshot import build_snapshot
from k3m_kg.snapshot.settings import SnapshotSettings

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (30, 40, 200)}
KINDS = ("mug", "shirt", "lamp", "old shoe")
HOME = ("mug", "lamp")
"""Kinds of the category `home`; the others are `wear`."""


class Shop:
    """A store of products whose colour stands in picture and title, its kind in the title.

    They state `itemColour` (some two), `kind`, `price` and `fits`; a category follows from the
    kind, and every ninth has none. One in seven has no picture, one in five no title, one no
    triple.

    Args:
        folder: for the pictures.
        count: so many products.
        prefix: their ids begin with it.
        stuff: each has a property that another shop lacks, with a value of its own.
        without: a property that no product has.
        variants: three of four products are linked to the one before them, as variants of it.
        categories: most have one.
    """

    def __init__(
        self,
        folder: Path,
        count: int,
        *,
        prefix: str = "p",
        stuff: bool = False,
        without: str | None = None,
        variants: bool = False,
        categories: bool = False,
    ) -> None:
        self._prefix, self._stuff, self._without = prefix, stuff, without
        self._variants, self._categories = variants, categories
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        self.products = [self._product(folder, number, random) for number in range(count)]

    def _product(self, folder: Path, number: int, random: np.random.Generator) -> StoredProduct:
        colour = list(COLOURS)[random.integers(len(COLOURS))]
        kind = KINDS[random.integers(len(KINDS))]
        price = "cheap" if kind in HOME else "dear"
        category = None
        if self._categories and number % 9 != 4:
            category = "home" if kind in HOME else "wear"
        images: tuple[StoredImage, ...] = ()
        if number % 7:
            path = folder / f"{number}.png"
            pixels = np.full((32, 32, 3), COLOURS[colour], np.float64)
            pixels += random.normal(0, 12, pixels.shape)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            images = (StoredImage(path.name, str(path), digest, 32, 32, None),)
        title = None if number % 5 == 3 else f"nice {colour} {kind} no {number}"
        triples: tuple[tuple[str, str], ...] = (
            ("itemColour", colour),
            ("kind", kind),
            ("price", price),
            ("fits", "all"),
        )
        if number % 6 == 0:  # a property with several values
            triples += (("itemColour", list(COLOURS)[(number // 6) % 3]),)
        if self._stuff:
            triples += (("made of", f"stuff {number}"),)
        triples = tuple(triple for triple in triples if triple[0] != self._without)
        if number == 10:
            triples = ()
        links: tuple[tuple[str, str], ...] = ()
        if self._variants and number % 4:
            links = (("variant of", f"{self._prefix}{number - number % 4:03}"),)
        return StoredProduct(
            f"{self._prefix}{number:03}",
            title,
            category,
            tuple(dict.fromkeys(triples)),
            images,
            links,
        )

    def iter_products(self) -> Iterator[StoredProduct]:
        """All of them."""
        yield from self.products

    def iter_subjects(self) -> Iterator[StoredProduct]:
        """All of them: no triples of values."""
        return self.iter_products()


def shop_snapshot(
    folder: Path,
    count: int,
    *,
    prefix: str = "p",
    stuff: bool = False,
    without: str | None = None,
    variants: bool = False,
    categories: bool = False,
    **settings: Any,
) -> Path:
    """A snapshot of a shop of `count` products."""
    store = Shop(
        folder / "pictures",
        count,
        prefix=prefix,
        stuff=stuff,
        without=without,
        variants=variants,
        categories=categories,
    )
    chosen = SnapshotSettings(**{"holdout": 0, **settings})
    return build_snapshot(store, folder / "snapshots", chosen).snapshot.path
