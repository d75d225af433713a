"""Cells that a spreadsheet would run."""

from __future__ import annotations

import pytest

from k3m_kg.files import inert


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-", "+1a"],
)
def test_made_inert(cell: str) -> None:
    assert inert(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["", "red", "-5", "+49.5", "-1,5", "1e-3", "-1E5", "'=1", " =1", 5, -5.0, None]
)
def test_left_as_it_is(cell: object) -> None:
    assert inert(cell) == cell
