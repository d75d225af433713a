"""What texts say as quantities, and what is no quantity."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k3m_kg.quantities.parsing import Quantity, Unclear, parse


def read(text: str) -> tuple[float, float, str | None] | None:
    found = parse(text)
    if found is None:
        return None
    assert isinstance(found, Quantity), found
    return found.low, found.high, found.unit.symbol if found.unit else None


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("15.6 in", 15.6, "in"),
        ('24"', 24, "in"),
        ("8-1/2″", 8.5, "in"),
        ("8½ Zoll", 8.5, "in"),
        ("1/2", 0.5, None),
        ("2,5 kg", 2.5, "kg"),
        ("300-GB", 300, "GB"),
        ("36 Gigabytes", 36, "GB"),
        ("8 gb", 8, "GB"),
        ("1 TB", 1, "TB"),
        ("7200RPM", 7200, "rpm"),
        ("115v", 115, "V"),
        ("5 fl. oz.", 5, "fl oz"),
        ("16 oz", 16, "oz"),
        ("-20 °C", -20, "°C"),
        ("−20\u00a0°C", -20, "°C"),
        ("10 μm", 10, "µm"),
        ("100/Box", 100, "pcs"),
        ("12 Stück", 12, "pcs"),
        ("~ 5 kg", 5, "kg"),
        (".5 l", 0.5, "l"),
        ("10 000 mAh", 10000, "mAh"),
        ("10\u202f000,5", 10000.5, None),
        ("1'234.5", 1234.5, None),
        ("1.234.567", 1234567, None),
        ("1,234.5 W", 1234.5, "W"),
        ("1.234,5 W", 1234.5, "W"),
        ("1234.567", 1234.567, None),
        ("0.085", 0.085, None),
        ("1.10", 1.1, None),
        ("3 x 8 GB", 24, "GB"),
        ("6×330 ml", 1980, "ml"),
    ],
)
def test_numbers_with_units(text: str, number: float, unit: str | None) -> None:
    assert read(text) == (pytest.approx(number), pytest.approx(number), unit)


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("10-20 V", 10, 20, "V"),
        ("100–240V", 100, 240, "V"),
        ("500 - 2000", 500, 2000, None),
        ("-20 to 55 °C", -20, 55, "°C"),
        ("5 kg bis 10 kg", 5, 10, "kg"),
        ("2,5-3 mm", 2.5, 3, "mm"),
    ],
)
def test_ranges(text: str, low: float, high: float, unit: str | None) -> None:
    assert read(text) == (low, high, unit)


@pytest.mark.parametrize(
    "text",
    [
        "", "kg", "1.5.7", "301 489-1", "EU863-870", "1920 x 1080", "24 x 30 cm", "16:9", "20 - 20",
        "2020-21", "5 parrots", "3 kg extra", "15K", "10M", "1e5", "NaN", "inf", "1_000", "٣",
        "5 kg - 3 V", "12.34.5678", "1,23,456", "5-", "24/32", "9" * 100,
    ],
)  # fmt: skip
def test_what_is_no_quantity(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["1,000 g", "1.000", "10.667", "12,345"])
def test_what_can_be_read_in_two_ways_is_not_guessed(text: str) -> None:
    found = parse(text)
    assert isinstance(found, Unclear)
    assert found.by(".").low != found.by(",").low


def test_numbers_of_one_dimension_compare() -> None:
    inch, mm = parse('1"'), parse("25.4 mm")
    assert isinstance(inch, Quantity)
    assert isinstance(mm, Quantity)
    assert inch.unit is not None
    assert mm.unit is not None
    assert inch.unit.to_base(inch.low) == pytest.approx(mm.unit.to_base(mm.low))
    hot = parse("212 °F")
    assert isinstance(hot, Quantity)
    assert hot.unit is not None
    assert hot.unit.to_base(hot.low) == pytest.approx(100)
    assert hot.unit.from_base(100) == pytest.approx(212)


@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    found = parse(text)
    readings = [found.point, found.comma] if isinstance(found, Unclear) else [found]
    for reading in readings:
        assert reading is None or (math.isfinite(reading.low) and reading.low <= reading.high)


@given(
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 2)),
    st.sampled_from(["", " kg", "GB", " °C"]),
)
def test_written_numbers_are_read_back(number: float, unit: str) -> None:
    for text in (f"{number:.2f}{unit}", f"{number:.2f}{unit}".replace(".", ",")):
        found = parse(text)
        assert isinstance(found, Quantity)
        assert found.low == found.high == number
