from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from k3m_kg.presence.ridge import PENALTY, Moments, Ridge

OWNER = np.array([-1, 0, 1, 2, 0, 0, 2, -1, -1])
STATED = slice(1, 4)


@pytest.fixture
def seen() -> np.ndarray:
    return (np.random.default_rng(0).random((60, len(OWNER))) < 0.4).astype(np.float32)


def test_it_is_the_regression_without_the_columns_that_a_property_owns(seen: np.ndarray) -> None:
    """One inverse, and as many regressions of their own, give the same scores."""
    ridge = Ridge.fit(Moments.of(sparse.csr_matrix(seen)), OWNER, STATED)
    for name in range(3):
        others = seen[:, name != OWNER]
        centred = others - others.mean(0)
        target = seen[:, STATED.start + name]
        weights = np.linalg.solve(
            centred.T @ centred + PENALTY * np.eye(centred.shape[1]),
            centred.T @ (target - target.mean()),
        )
        expected = centred @ weights + target.mean()
        found = ridge.scores(sparse.csr_matrix(seen), slice(name, name + 1))[:, 0]
        assert found == pytest.approx(expected, abs=1e-5)


def test_what_a_property_says_makes_no_difference_to_its_own_score(seen: np.ndarray) -> None:
    ridge = Ridge.fit(Moments.of(sparse.csr_matrix(seen)), OWNER, STATED)
    for name in range(3):
        other = seen.copy()
        other[:, name == OWNER] = 1 - other[:, name == OWNER]
        scores = [
            ridge.scores(sparse.csr_matrix(part), slice(name, name + 1)) for part in (seen, other)
        ]
        assert (scores[0] == scores[1]).all()
        assert np.ptp(scores[0]) > 0


def test_sums_of_parts_are_sums_of_the_whole(seen: np.ndarray) -> None:
    whole = Moments.of(sparse.csr_matrix(seen))
    parts = Moments.of(sparse.csr_matrix(seen[:25])) + Moments.of(sparse.csr_matrix(seen[25:]))
    assert parts.count == whole.count == 60
    assert (parts.sum_F == whole.sum_F).all()
    assert (parts.gram_FF == whole.gram_FF).all()
