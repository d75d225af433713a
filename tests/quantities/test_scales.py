"""Which properties are quantities, and what is predicted of them."""

from __future__ import annotations

import numpy as np
import pytest

from k3m_kg.quantities.prediction import predicted_numbers, within
from k3m_kg.quantities.scales import Scale, scale_of


def made(values: list[str], counts: list[int] | None = None, name: str = "") -> Scale | None:
    return scale_of(values, counts or [1] * len(values), name)


def test_numbers_are_in_the_most_frequent_unit() -> None:
    scale = made(["500 GB", "1 TB", *(f"{n}00 GB" for n in range(1, 9))])
    assert scale is not None
    assert scale.unit is not None
    assert scale.unit.symbol == "GB"
    assert scale.numbers_V[:2].tolist() == [500, 1000]
    assert scale.text(1000) == "1000 GB"


def test_bare_numbers_beside_one_unit_are_read_in_it_and_counted() -> None:
    values = [*(f'{n}"' for n in range(10, 20)), "24"]
    scale = made(values)
    assert scale is not None
    assert (scale.bare, scale.numbers_V[-1]) == (1, 24)
    mixed = made([*values, "100 cm"])
    assert mixed is not None
    assert np.isnan(mixed.numbers_V[-2]), "inches or centimetres?"
    assert mixed.unread == 1


def test_what_is_unclear_is_settled_by_what_is_clear() -> None:
    clear = made(["10.667", "9.5", *(f"{n}.25" for n in range(10))])
    assert clear is not None
    assert clear.decimal == "."
    assert clear.numbers_V[0] == 10.667
    german = made(["10.667", "9,5", *(f"{n},25" for n in range(10))])
    assert german is not None
    assert german.numbers_V[0] == 10667


def test_what_stays_unclear_is_left_out_and_said() -> None:
    scale = made(["1.000", *(str(n) for n in range(10, 30))])
    assert scale is not None
    assert scale.unclear == ("1.000",)
    assert scale.unread == 1
    assert np.isnan(scale.numbers_V[0])


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["red", "blue"],
        ["1", "2", "3"],  # few numbers are classes
        [*(f"{n} kg" for n in range(10)), *(f"{n} V" for n in range(10))],
        [*(str(n) for n in range(10)), "large", "small"],
        [str(4006381333931 + n) for n in range(200)],  # identifiers
        [str(1000 + n) for n in range(200)],
    ],
)
def test_what_is_no_quantity(values: list[str]) -> None:
    assert made(values) is None


def test_the_unit_may_stand_in_the_name() -> None:
    scale = made([str(n) for n in range(10)], name="weight (kg)")
    assert scale is not None
    assert scale.unit is not None
    assert scale.text(2.5) == "2.5 kg"


def test_tolerance_is_a_share_of_the_number_or_of_the_spread() -> None:
    weights = made([f"{n} kg" for n in range(1, 21)])
    assert weights is not None
    asked = np.array([10.0, 10.0, 0.0])
    assert within(weights, np.array([11.0, 11.1, 0.1]), asked).tolist() == [True, False, False]
    degrees = made([f"{n} °C" for n in range(-50, 51)])
    assert degrees is not None
    off = np.array([8.9, 9.1])
    assert within(degrees, off, np.zeros(2)).tolist() == [True, False]


def test_the_median_and_interval_of_a_distribution() -> None:
    values = [str(n) for n in (30, 10, 20, 40, 50, 60, 70, 80, 90)] + ["none"]
    scale = scale_of(values, [20] * 9 + [1])
    assert scale is not None
    probability_QV = np.zeros((2, 10))
    probability_QV[0, :3] = 0.2, 0.15, 0.15  # 30, 10, 20
    probability_QV[0, 9] = 0.5  # is no number
    probability_QV[1, 4] = 1
    found = predicted_numbers(scale, probability_QV)
    assert found.middle_Q.tolist() == [20, 50]
    assert found.low_Q.tolist() == [10, 50]
    assert found.high_Q.tolist() == [30, 50]
