"""Properties whose values cannot be told, and so are left out of completion, each with a reason.

Measured on what training knows of a property, so by what any link predictor could have learned.
Thresholds were chosen on ten catalogs (docs/decisions/0028-what-applies.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from k3m_kg.contracts import Catalog

FEWEST = 10
"""Triples in training."""
MOST_CONSTANT = 0.98
"""The share of one value from which on a property is nearly constant."""
MOST_NEW = 0.5
"""The share of values that stand once in training. It is what share of answers training has not
seen (Good, The population frequencies of species, Biometrika 1953): from here on most."""
FREE_TEXT = 6
"""Words of the median value."""

Reason = Literal["few", "constant", "text", "distinct"]


@dataclass(frozen=True, slots=True)
class Incompletable:
    """Why a property is not completed.

    Attributes:
        reason: `few` triples, nearly `constant`, free `text`, or nearly all values `distinct`, as
            those of identifiers and model numbers.
        figure: triples; the share of the most frequent value; words of the median value; the share
            of values that stand once.
        example: the most frequent value.
    """

    reason: Reason
    figure: float
    example: str

    def __str__(self) -> str:
        value = f"{self.example[:37]}..." if len(self.example) > 40 else self.example
        return {
            "few": f"only {self.figure:.0f} triples in training",
            "constant": f"{self.figure:.1%} are {value!r}",
            "text": f"free text, {self.figure:.0f} words",
            "distinct": f"{self.figure:.0%} of the values stand once, such as an identifier's",
        }[self.reason]


def left_out(catalog: Catalog) -> dict[int, Incompletable]:
    """The properties that training knows but that are not completed, by id."""
    found = {}
    for name, (values, counts) in enumerate(zip(catalog.candidates, catalog.counts, strict=True)):
        if (
            len(values)
            and (why := why_left_out([catalog.values[v] for v in values], counts)) is not None
        ):
            found[name] = why
    return found


def why_left_out(values: list[str], counts: np.ndarray) -> Incompletable | None:
    """Why a property of these values is not completed; None where it is.

    Args:
        values: that it is known to take in training, at least one.
        counts: how often each.
    """
    total = int(counts.sum())
    often = values[int(counts.argmax())]
    if total < FEWEST:
        return Incompletable("few", total, often)
    if counts.max() >= MOST_CONSTANT * total:
        return Incompletable("constant", counts.max() / total, often)
    words = float(np.median(np.repeat([len(text.split()) for text in values], counts)))
    if words >= FREE_TEXT:
        return Incompletable("text", words, often)
    once = float((counts == 1).sum() / total)
    if once >= MOST_NEW:
        return Incompletable("distinct", once, often)
    return None
