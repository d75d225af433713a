"""A snapshot's products with other texts in place of their titles; all else is the snapshot's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.contracts import ProductTable


@dataclass(kw_only=True)
class Retold:
    """What reads titles reads these texts.

    Attributes:
        titles: an Arrow column, null where a product has none.
        of_whole: the same of the whole, where the snapshot is a view.
    """

    snapshot: ProductTable
    path: Path
    titles: Any
    image_offsets: np.ndarray
    image_thumbnail: np.ndarray
    of_whole: Retold | None = None

    @property
    def whole(self) -> Any:
        """These texts of the whole, where the snapshot is a view of one."""
        return self.of_whole or self

    @property
    def picture_rows(self) -> np.ndarray | None:
        """As of the snapshot."""
        return self.snapshot.picture_rows

    def __len__(self) -> int:
        return len(self.snapshot)

    def product(self, row: int) -> Any:
        """As of the snapshot."""
        return self.snapshot.product(row)

    def image(self, row: int, position: int = 0) -> Any:
        """As of the snapshot."""
        return self.snapshot.image(row, position)

    def image_hash(self, number: int) -> str:
        """As of the snapshot."""
        return self.snapshot.image_hash(number)
