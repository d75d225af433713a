"""The regression against scikit-learn's, of the same examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from k3m_kg.lpm.softmax_regression import fit_softmax, softmax_logits


@pytest.mark.parametrize("classes", [2, 4])
def test_it_finds_what_scikit_learn_finds(classes: int) -> None:
    random = np.random.default_rng(0)
    dense = random.normal(size=(300, 5)).astype(np.float32)
    words = sparse.random(300, 12, 0.2, format="csr", dtype=np.float32, random_state=1)
    labels = (dense[:, 0] + random.normal(size=300) > 0).astype(int)
    if classes == 4:
        labels += 2 * (words.toarray()[:, 3] > 0)
    parts = [words, dense]
    found = fit_softmax(parts, labels, classes, 0.5)
    assert found.shape == (18, classes)
    assert found.dtype == np.float32
    every = np.concatenate([words.toarray(), dense], 1)
    # of two classes scikit-learn draws the difference to zero, here half of it in each class
    strength = 1.0 if classes == 2 else 0.5
    known = LogisticRegression(C=strength, tol=1e-6, max_iter=1000).fit(every, labels)
    wanted = known.decision_function(every)
    logits = softmax_logits(parts, found)
    if classes == 2:
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], wanted, atol=0.02)
    else:
        centred = wanted - wanted.mean(1, keepdims=True)
        np.testing.assert_allclose(logits - logits.mean(1, keepdims=True), centred, atol=0.02)
    again = fit_softmax(parts, labels, classes, 0.5, begin_FK=found, iterations=3)
    np.testing.assert_allclose(again, found, atol=0.02)
