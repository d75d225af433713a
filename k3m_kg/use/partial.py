"""Products of which only a part is shown."""

from __future__ import annotations

import numpy as np

from k3m_kg.batches.batcher import Batcher
from k3m_kg.contracts import Catalog, ProductBatch


class Partial:
    """A source of batches in which titles, pictures or triples are missing.

    Args:
        source: has everything.
        title, image, triples: whether they are there.
    """

    def __init__(
        self, source: Batcher, *, title: bool = True, image: bool = True, triples: bool = True
    ) -> None:
        self._source = source
        self._title, self._image, self._triples = title, image, triples

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
        if not self._title:
            batch.title_present_BT = batch.title_present_BT & False
        if not self._image:
            batch.image_present_B = batch.image_present_B & False
            batch.image_product_I = batch.image_product_I[:0]  # nothing is encoded for nothing
            batch.image_arrays = {name: array[:0] for name, array in batch.image_arrays.items()}
        if not self._triples:
            batch.triple_visible_E = batch.triple_visible_E & False
        return batch
