"""Titles of a catalog are tokenised once, of one that is too large for it with each batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from k3m_kg.batches import title
from k3m_kg.contracts import Tokens


class _Catalog:
    titles = pa.array([f"title {number}" for number in range(8)])

    def __len__(self) -> int:
        return len(self.titles)


class _Letters:
    def __init__(self) -> None:
        self.asked = 0

    def prepare(self, texts: Sequence[str]) -> list[Tokens]:
        self.asked += len(texts)
        return [
            Tokens([ord(sign) for sign in text], [(i, i + 1) for i in range(len(text))])
            for text in texts
        ]


@pytest.mark.parametrize(("room", "asked"), [(8, 8), (7, 24)])
def test_titles_are_kept_where_all_of_them_can_be(
    room: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(title, "_KEPT", room)
    monkeypatch.setattr(title, "_TOGETHER", 2)
    catalog: Any = _Catalog()
    letters: Any = _Letters()
    data = title.TitleData(catalog, letters, 20)
    for _ in range(3):
        for start in range(0, 8, 4):
            rows = np.arange(start, start + 4)
            ids = data.batch(rows).arrays["ids"].tolist()
            assert ["".join(map(chr, row)) for row in ids] == catalog.titles[
                start : start + 4
            ].to_pylist()
    assert letters.asked == asked
