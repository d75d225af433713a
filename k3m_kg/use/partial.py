"""Products of which only a part is shown."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from k3m_kg.batches.batcher import Batcher
from k3m_kg.contracts import TRIPLES, Catalog, ProductBatch
from k3m_kg.errors import UsageError, unknown_name


class Partial:
    """A source of batches in which some parts of every product are missing.

    Args:
        source: has everything.
        without: names of modalities, or `triples`.
    """

    def __init__(self, source: Batcher, without: Collection[str]) -> None:
        self._source = source
        self._without = frozenset(without)

    @classmethod
    def only(cls, source: Batcher, shown: Collection[str]) -> Partial:
        """Everything is missing but the parts in `shown`."""
        return cls(source, {TRIPLES, *source.modalities} - set(shown))

    @classmethod
    def hiding(cls, source: Batcher, names: Collection[str], where: str) -> Partial | Batcher:
        """`source` without some parts; itself where there are none to hide.

        Raises:
            UsageError: no such part of a product.
        """
        known = (TRIPLES, *dict.fromkeys(("title", "image", *source.modalities)))
        for name in names:
            if name not in known:
                raise UsageError(unknown_name("part of a product", name, known), where=where)
        return cls(source, names) if names else source

    @property
    def catalog(self) -> Catalog:
        """The terms that all ids refer to."""
        return self._source.catalog

    def triples(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As the whole source has them."""
        return self._source.triples(rows)

    def batch(self, rows: np.ndarray) -> ProductBatch:
        """The products with what is not shown marked as missing."""
        batch = self._source.batch(rows)
        for name in self._without & batch.modalities.keys():
            batch.modalities[name] = batch.modalities[name].absent()
        if TRIPLES in self._without:
            batch.triple_visible_E = batch.triple_visible_E & False
        return batch
