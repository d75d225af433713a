"""Catalogs of kinds of product, where it is known what applies and what was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from k3m_kg.graph.stored import StoredProduct
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot

KINDS = {
    "lamp": {"socket": ("E14", "E27"), "light": ("warm", "cold"), "colour": ("red", "blue")},
    "bread": {"flour": ("rye", "wheat"), "salt": ("yes", "no"), "colour": ("brown", "white")},
}
"""Of each kind the properties that apply, `colour` to both, with their values."""


class Kinds:
    """Products of the kinds in turn; the values follow from the number in the title.

    Args:
        count: products.
        omitted: the share of what applies that is left out, at random.
        named: whether products have a category.
        change: the last word on each product.
    """

    def __init__(
        self,
        count: int,
        omitted: float = 0.3,
        *,
        named: bool = True,
        change: Callable[[StoredProduct], StoredProduct] = lambda product: product,
        seed: int = 0,
    ) -> None:
        self._count, self._omitted, self._named = count, omitted, named
        self._change, self._seed = change, seed

    def iter_subjects(self) -> Iterator[StoredProduct]:
        random = np.random.default_rng(self._seed)
        for number in range(self._count):
            kind = list(KINDS)[number % len(KINDS)]
            triples = [
                (name, values[number // (2 * len(KINDS)) % 2])
                for name, values in KINDS[kind].items()
                if random.random() >= self._omitted
            ]
            yield self._change(
                StoredProduct(
                    id=f"p{number:05}",
                    title=f"A {kind} number {number}",
                    category=kind if self._named else None,
                    triples=tuple(sorted(triples)),
                    images=(),
                )
            )


def kinds_snapshot(
    folder: Path, count: int = 400, *, category: bool = False, **options: object
) -> Snapshot:
    """A snapshot of such a catalog; nothing is held out of train products.

    `category` makes the category a triple, too.
    """
    settings = SnapshotSettings(holdout=0, validation=0.2, test=0.2, category=category)
    return build_snapshot(Kinds(count, **options), folder, settings).snapshot


def lacking(snapshot: Snapshot, names: list[str]) -> np.ndarray:
    """(N, names) bool: what each product does not state."""
    return np.array(
        [
            [name not in dict(snapshot.product(row).properties) for name in names]
            for row in range(len(snapshot))
        ]
    )


def truly(snapshot: Snapshot, names: list[str]) -> np.ndarray:
    """(N, names) bool: what applies to each product, by the title's kind."""
    titles = [snapshot.titles[row].as_py().split()[1] for row in range(len(snapshot))]
    return np.array([[name in KINDS[kind] for name in names] for kind in titles])
