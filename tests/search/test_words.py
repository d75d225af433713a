"""Postings find by words, and weigh them by how rare they are."""

from __future__ import annotations

import numpy as np

from k3m_kg.search.words import WordPostings
from k3m_kg.use.open_model import OpenModel


def test_a_title_finds_its_product(opened: OpenModel) -> None:
    words = WordPostings.of(opened.snapshot)
    for row in (0, 7, 30):
        title = opened.snapshot.titles[row].as_py()
        rows, scores = words.find(title.upper(), 5)
        same = [opened.snapshot.titles[int(found)].as_py() for found in rows]
        assert title in same
        assert (np.diff(scores) <= 0).all()


def test_values_are_words_too_unless_they_are_left_out(opened: OpenModel) -> None:
    row, value = 3, None
    titles = " ".join(title or "" for title in opened.snapshot.titles.to_pylist())
    for row in range(len(opened.snapshot)):
        told = [value for _, value in opened.snapshot.product(row).properties]
        value = next((one for one in told if one not in titles and one.isalpha()), None)
        if value is not None:
            break
    assert value is not None
    both, alone = (WordPostings.of(opened.snapshot, values=values) for values in (True, False))
    assert row in both.find(value, len(opened.snapshot))[0]
    assert row not in alone.find(value, len(opened.snapshot))[0]


def test_words_that_nobody_has_find_nothing(opened: OpenModel) -> None:
    words = WordPostings.of(opened.snapshot)
    for text in ("", "!?", "zzzyx qqqk"):
        assert len(words.find(text, 5)[0]) == 0


def test_the_matrix_has_rows_of_length_one_and_no_common_word(opened: OpenModel) -> None:
    words = WordPostings.of(opened.snapshot)
    count = len(opened.snapshot)
    matrix = words.matrix(count // 2)
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    assert np.allclose(lengths[lengths > 0], 1, atol=1e-5)
    used = np.diff(matrix.tocsc().indptr)
    assert used.max() <= count // 2
