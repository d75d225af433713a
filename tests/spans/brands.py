"""A catalog whose brands stand in front of the titles, half of them once only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from k3m_kg.graph.stored import StoredProduct
from k3m_kg.snapshot import Snapshot, build_snapshot
from k3m_kg.snapshot.settings import SnapshotSettings

KINDS = ("mug", "shirt", "lamp", "chair")
COLOURS = ("red", "green", "blue")
SYLLABLES = ("ba", "ko", "ri", "tu", "ne", "lo", "mi", "sa")


def brand(number: int) -> str:
    """One of 512 made-up names, in two words where the number is odd."""
    name = "".join(SYLLABLES[number // 8**place % 8] for place in range(3)).title()
    return f"{name} Works" if number % 2 else name


class Brands:
    """Products of many brands; their size stands in a text, their price nowhere."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        self.products = []
        for number in range(count):
            of = brand(number % 7 if number % 2 else number)
            kind, colour = KINDS[random.integers(4)], COLOURS[random.integers(3)]
            size = int(random.integers(5, 60))
            text = (
                f"This {kind} comes in a box with a note of thanks. It measures {size} cm, as all "
                f"of the {colour} ones do. Handle with care."
            )
            triples = (
                ("brand", of),
                ("size", f"{size} cm"),
                ("price", f"{random.integers(100)} coins"),
                ("about", text),
            )
            title = f"{of} {colour} {kind} No. {number}"
            self.products.append(StoredProduct(f"p{number:03}", title, None, triples, ()))

    def iter_products(self) -> Iterator[StoredProduct]:
        yield from self.products

    def iter_subjects(self) -> Iterator[StoredProduct]:
        return self.iter_products()


def brands_snapshot(folder: Path) -> Snapshot:
    """A snapshot of 160 such products."""
    settings = SnapshotSettings(holdout=0.1, test=0.2)
    return build_snapshot(Brands(160), folder, settings).snapshot
