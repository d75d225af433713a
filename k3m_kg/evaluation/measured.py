"""What an evaluation found: its report, and what single items came to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from k3m_kg.contracts import Catalog, Outcomes
from k3m_kg.lpm.questions import Triples


class Measured(NamedTuple):
    """A report that JSON can hold, and by metric the items that it is made of."""

    report: dict[str, Any]
    outcomes: dict[str, Outcomes]


def question_items(catalog: Catalog, questions: Triples) -> np.ndarray:
    """(Q,) a number for each question, uint64, the same for every model on one snapshot.

    Ids of terms are a model's own: it counts the words.
    """
    names, name_Q = np.unique(questions.properties, return_inverse=True)
    values, value_Q = np.unique(questions.values, return_inverse=True)
    of_names = np.array([_number(catalog.properties[i]) for i in names.tolist()], np.uint64)
    of_values = np.array(
        [_number(catalog.values[i]) if i >= 0 else 0 for i in values.tolist()], np.uint64
    )
    mixed = of_names[name_Q] * np.uint64(3) + of_values[value_Q]
    found: np.ndarray = mixed + questions.rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return found


def item_numbers(texts: Iterable[str]) -> np.ndarray:
    """A number for each text, uint64, the same wherever it is asked."""
    return np.fromiter(map(_number, texts), np.uint64)


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
