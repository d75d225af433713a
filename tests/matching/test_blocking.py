"""Candidates: the nearest and those that share words, each pair once."""

from __future__ import annotations

import numpy as np
import pytest

from k3m_kg.matching import blocking
from k3m_kg.matching.blocking import Blocking
from k3m_kg.search.kept import KeptVectors, in_memory
from k3m_kg.use.open_model import OpenModel


@pytest.fixture(scope="module")
def kept(opened: OpenModel) -> KeptVectors:
    return in_memory(opened)


def test_each_pair_once_whatever_the_blocks(
    kept: KeptVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    found = Blocking(kept).every(3, told.append)
    count = len(kept.vectors_NH)
    assert sum(told) == 2 * count
    assert (found[:, 0] < found[:, 1]).all()
    keys = found[:, 0] * count + found[:, 1]
    assert (np.diff(keys) > 0).all()
    monkeypatch.setattr(blocking, "_VECTORS_AT_ONCE", 7)
    monkeypatch.setattr(blocking, "_WORDS_AT_ONCE", 5)
    assert (Blocking(kept).every(3) == found).all()
    some = Blocking(kept).of(np.array([4, 9]), 3)
    assert np.isin(some, [4, 9]).any(1).all()
    assert np.isin(some[:, 0] * count + some[:, 1], keys).all()


def test_words_that_few_have_bring_products_together(kept: KeptVectors, opened: OpenModel) -> None:
    """A family's name, of two words, stands in its titles, which some lack."""
    titled = np.array([title is not None for title in opened.snapshot.titles.to_pylist()])
    family = np.array([int(id_[1:]) // 4 for id_ in opened.snapshot.ids])

    def share(pairs: np.ndarray) -> float:
        count = len(family)
        own, other = np.triu_indices(count, 1)
        right = (family[own] == family[other]) & titled[own] & titled[other]
        keys = pairs[:, 0] * count + pairs[:, 1]
        return float(np.isin((own * count + other)[right], keys).mean())

    pairs = Blocking(kept).every(8)
    by_chance = len(pairs) / (len(family) * (len(family) - 1) / 2)
    assert share(pairs) > 3 * by_chance
