"""What says of two products whether they are one, from features of the pair.

N pairs, H numbers of a product, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from k3m_kg.contracts import FrozenTextEncoder
from k3m_kg.use.open_model import OpenModel

STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_USUAL = 0.1
_TREES = 200


def pair_features(left_NH: np.ndarray, right_NH: np.ndarray) -> np.ndarray:
    """(N, 2 H + 1): how far apart two vectors are, unit by unit, what they share, their cosine."""
    length = [np.maximum(np.linalg.norm(v, axis=1), 1e-12) for v in (left_NH, right_NH)]
    cosine = (left_NH * right_NH).sum(1) / (length[0] * length[1])
    return np.concatenate([np.abs(left_NH - right_NH), left_NH * right_NH, cosine[:, None]], 1)


def fit_pairs(
    train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray]
) -> Callable[[np.ndarray], np.ndarray]:
    """Logistic regression on pair features; its strength is chosen on validation, by average
    precision.

    Args:
        train: (N, F) features, and which pairs are the same (bool), of both kinds.
        validation: the same for choosing; may be empty.

    Returns:
        What gives the log-odds of (N, F) features.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    both = len(np.unique(validation[1])) == 2
    best: Any = None
    best_score = -1.0
    for strength in STRENGTHS if both else (_USUAL,):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
        with warnings.catch_warnings():  # one that has not quite converged is one all the same
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(*train)
        score = 0.0
        if both:
            found = model.decision_function(validation[0])
            score = float(average_precision_score(validation[1], found))
        if score > best_score:
            best, best_score = model, score
    return lambda features: np.asarray(best.decision_function(features), float)


def fit_forest(train: tuple[np.ndarray, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A random forest on pair features, as Magellan's matchers are (Konda et al. 2016).

    Returns:
        What gives the probability of (N, F) features.
    """
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(_TREES, min_samples_leaf=2, random_state=0, n_jobs=1)
    forest.fit(*train)
    return lambda features: np.asarray(forest.predict_proba(features)[:, 1], float)


def sentence_vectors(opened: OpenModel, texts: Sequence[str]) -> np.ndarray | None:
    """(N, W) what a frozen text encoder says of texts as they stand, of length 1; None without one.

    The mean over tokens, which is what encoders of sentences are trained to make comparable.
    """
    encoder = opened.trained.text_encoder
    if not isinstance(encoder, FrozenTextEncoder):
        return None
    found = encoder.vectors([tokens.ids for tokens in encoder.prepare(texts)])
    width = max(vectors.shape[1] for vectors in found)
    means_NW = np.stack(
        [
            vectors.mean(0, dtype=np.float32) if len(vectors) else np.zeros(width, np.float32)
            for vectors in found
        ]
    )
    found_NW: np.ndarray = means_NW / np.maximum(
        np.linalg.norm(means_NW, axis=1, keepdims=True), 1e-12
    )
    return found_NW


def threshold_of(scores_N: np.ndarray, same_N: np.ndarray) -> float:
    """The score from which on "the same" has the highest F1; midway to the next lower one."""
    order = np.argsort(-scores_N, kind="stable")
    score_N, right_N = scores_N[order], same_N[order]
    found_N = np.cumsum(right_N)
    f1_N = 2 * found_N / (np.arange(1, len(order) + 1) + same_N.sum())
    ends = np.append(score_N[1:] < score_N[:-1], True)  # equal scores are on one side
    best = int(np.argmax(np.where(ends, f1_N, -1)))
    below = score_N[best + 1] if best + 1 < len(score_N) else score_N[best] - 1
    return float((score_N[best] + below) / 2)


def shown_titles(opened: OpenModel, rows: np.ndarray, without: Collection[str]) -> list[str]:
    """What products show as title, empty where they show none."""
    if "title" not in opened.trained.sees or "title" in without:
        return [""] * len(rows)
    return [text or "" for text in opened.snapshot.titles.take(rows).to_pylist()]
