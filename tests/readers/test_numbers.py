"""Numbers keep what the file says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from k3m_kg.readers.columnar.parquet import ParquetReader
from k3m_kg.readers.numbers import float_text, lost_digits, plain_text
from k3m_kg.records import ProductRecord


def properties(tmp_path: Path, table: pa.Table) -> list[dict[str, str]]:
    pq.write_table(table, tmp_path / "c.parquet")
    records = ParquetReader().read(tmp_path / "c.parquet", None)
    return [dict(r.properties) for r in records if isinstance(r, ProductRecord)]


@pytest.mark.parametrize("tree", [False, True])
def test_numbers_of_columns_are_the_same_with_and_without_structs(
    tmp_path: Path, tree: bool
) -> None:
    columns = {
        "id": ["a", "b"],
        "ean": pa.array([4006381333931.0, None], pa.float64()),
        "dose": pa.array([0.004, 16777216.0], pa.float32()),
        "small": [1e-05, 1.5],
        "half": pa.array([0.1, 2.0], pa.float16()),
        "money": [Decimal("9.50"), Decimal("1000.00")],
        "at": pa.array([0, 1_000_001], pa.timestamp("us", "UTC")),
        "span": pa.array([3, 4], pa.duration("s")),
        "day": pa.array([1, 2], pa.date32()),
        "many": pa.array([[0.1, 0.004], []], pa.list_(pa.float32())),
    }
    if tree:
        columns["zz"] = pa.array([{"x": 0.004}, None], pa.struct([("x", pa.float32())]))
    first, second = properties(tmp_path, pa.table(columns))
    assert first.pop("zz.x", "0.004") == "0.004"
    assert (first["ean"], first["dose"], first["small"]) == ("4006381333931", "0.004", "0.00001")
    assert (second["dose"], second["small"]) == ("16777216", "1.5")
    assert (first["money"], second["money"]) == ("9.50", "1000.00")
    assert first["half"] == "0.1" if not tree else first["half"].startswith("0.09997")
    assert first["at"] == "1970-01-01 00:00:00.000000Z"
    assert (first["span"], first["day"], first["many"]) == ("3", "1970-01-02", "0.004")


def test_a_dictionary_of_floats(tmp_path: Path) -> None:
    eans = pa.array([4006381333931.0, 4006381333931.0]).dictionary_encode()
    pa_table = pa.table({"id": ["a", "b"], "ean": eans})
    assert properties(tmp_path, pa_table) == [{"ean": "4006381333931"}] * 2


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_read_back_from_its_text(value: float) -> None:
    text = float_text(value)
    assert float(text) == value
    if abs(value) < 2**53 and value == int(value):
        assert "e" not in text
        assert "." not in text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("4.006381333931e+12", "4006381333931"), ("1e-05", "0.00001"), ("10.0", "10"),
        ("1e+22", "1e+22"), ("1e-300", "1e-300"), ("inf", "inf"), ("0.10", "0.1"), ("-0.0", "-0"),
    ],
)  # fmt: skip
def test_plain_text(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("1.23E+12", True), ("4,01E+12", True), ("1E+05", True), ("-2.5e+10", True),
        ("1.234567890123E+12", False), ("5E3", False), ("A+1", False), ("1+1", False),
        ("12.5E+3", False), ("1.5E-7", False), ("", False),
    ],
)  # fmt: skip
def test_numbers_that_lost_digits(text: str, lost: bool) -> None:
    assert lost_digits(text) is lost
