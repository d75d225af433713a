from __future__ import annotations

import numpy as np
import pytest

from k3m_kg.contracts import Catalog, TermTokens
from k3m_kg.use.completion.completable import FEWEST, left_out


def catalog(**properties: dict[str, int]) -> Catalog:
    """A catalog by how often each property takes which value in training."""
    values = sorted({value for counts in properties.values() for value in counts})
    place = {value: number for number, value in enumerate(values)}
    ordered = [sorted(counts, key=place.__getitem__) for counts in properties.values()]
    return Catalog(
        list(properties),
        values,
        TermTokens.__new__(TermTokens),  # no word is looked at
        [np.array([place[value] for value in some], np.int64) for some in ordered],
        [
            np.array([counts[value] for value in some], np.int64)
            for some, counts in zip(ordered, properties.values(), strict=True)
        ],
    )


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({f"KX-{n}": 1 for n in range(40)}, "distinct"),
        ({f"KX-{n}": 1 for n in range(20)} | {"KX": 20}, "distinct"),
        ({f"KX-{n}": 1 for n in range(19)} | {"KX": 21}, None),
        ({"no": 98, "yes": 2}, "constant"),
        ({"no": 97, "yes": 3}, None),
        ({"yes": 50}, "constant"),
        ({"a lamp that gives light": 30, "a bread that is good to eat": 70}, "text"),
        ({"black and white": 30, "red": 70}, None),
        ({"red": 5, "blue": FEWEST - 6}, "few"),
        ({"red": 5, "blue": FEWEST - 5}, None),
    ],
)
def test_what_can_be_completed_is_measured(counts: dict[str, int], reason: str | None) -> None:
    found = left_out(catalog(p=counts))
    assert (found[0].reason if found else None) == reason


def test_the_reason_is_said_with_its_figure() -> None:
    found = left_out(catalog(a={"no": 99, "yes": 1}, b={f"{n:050}": 1 for n in range(20)}))
    assert str(found[0]) == "99.0% are 'no'"
    assert str(found[1]) == "100% of the values stand once, such as an identifier's"
    text = left_out(catalog(c={"seven words are many for a name": 20, "short": 2}))
    assert str(text[0]) == "free text, 7 words"
    assert str(left_out(catalog(d={"red": 3}))[0]) == "only 3 triples in training"
