"""Limits as people write them."""

from __future__ import annotations

import pytest

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.workers.accounting import Account
from k3m_kg.workers.limits import LEAST_MEMORY, Limits, default_memory, seconds, shown, size


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("2GiB", 2 << 30), ("500M", 500 << 20), ("1.5 kb", 1536), (7, 7), ("1TiB", 1 << 40)],
)
def test_sizes(text: str | int, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize(
    "text",
    ["", "x", "0", "-1", "nan", "inf", "1e9", "1PiB", "2000T", "9" * 15 + "T", "9" * 5000, "1 2"],
)
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        size(text)


@pytest.mark.parametrize("text", ["0.01", "60", 1e6, "1e3"])
def test_times(text: str | float) -> None:
    assert seconds(text) == float(text)


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e300", "-1", "0", "x", "", "1e7", "1_0_"])
def test_no_times(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        seconds(text)


def test_the_default_is_at_most_half_of_the_machine() -> None:
    assert LEAST_MEMORY <= default_memory() <= 4 << 30
    assert Limits().answer == default_memory() // 4


def test_shown() -> None:
    assert list(map(shown, (1, 2048, 3 << 20, 3 << 29))) == [
        "1 bytes", "2 KiB", "3 MiB", "1.5 GiB",
    ]  # fmt: skip


def test_an_account_ends_where_its_limit_is() -> None:
    account = Account(10_000, what="the answer", where="query", hint="less")
    account.take(["x" * 1000, {"a": "b"}])
    with pytest.raises(K3MError, match="query: the answer takes more than 9"):
        account.take(["x" * 4000])
