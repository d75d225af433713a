"""What a grid asks where nobody names tasks."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from k3m_kg.robustness.choosing import default_tasks
from k3m_kg.snapshot import Snapshot

PRODUCTS = 60


class Catalog:
    """What is read of a snapshot: each property's value of each product, all of them in train."""

    has_categories = False

    def __init__(self, **columns: list[str]) -> None:
        self.properties = list(columns)
        self.values = sorted({value for column in columns.values() for value in column})
        cells = [
            (row, name, self.values.index(value))
            for name, column in enumerate(columns.values())
            for row, value in enumerate(column)
        ]
        self.triple_product, self.triple_property, self._values_E = np.array(cells).T

    def __len__(self) -> int:
        return PRODUCTS

    def rows(self, split: str) -> np.ndarray:
        return np.arange(PRODUCTS)

    def value_text(self, value: int) -> str:
        return self.values[value]

    def candidates(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        found = [
            np.unique(self._values_E[self.triple_property == name], return_counts=True)
            for name in range(len(self.properties))
        ]
        return [values for values, _ in found], [counts for _, counts in found]


def column(*counts: int) -> list[str]:
    """So many products of a first value, of a second, ..."""
    return [f"v{place}" for place, count in enumerate(counts) for _ in range(count)]


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({"colour": column(25, 20, 15), "firmware": column(*[1] * 55)}, "colour"),
        ({"colour": column(50, 10), "shape": column(20, 20, 20)}, "shape"),  # tells more apart
        ({"firmware": column(*[1] * 55, 5)}, None),  # a value each
        ({"firmware": column(40, *[1] * 20)}, None),  # most values are too rare to be learned
        ({"colour": column(59, 1)}, None),  # nearly constant
        ({"colour": column(10, 10)}, None),  # most products have none
    ],
)
def test_classification_is_by_a_property_that_can_be_learned(
    columns: dict[str, list[str]], chosen: str | None
) -> None:
    tasks, remark = default_tasks(cast("Snapshot", Catalog(**columns)))
    assert tasks[0] == (f"classification:{chosen}" if chosen else "link-prediction")
    assert "link-prediction" in tasks
    assert "--tasks classification:PROPERTY" in remark
    assert (chosen or "no classification") in remark
