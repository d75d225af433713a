"""Which pairs are the same product: what their words say, with and without what K3M sees."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from k3m_kg.bench.pairs import Pairs

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def words_of_pairs(pairs: Pairs) -> dict[str, np.ndarray]:
    """By split, (N, F) how alike the words and numbers of two records are.

    Words and pieces of words are weighed by how rare they are among all records, which have no
    labels.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [" ".join(value for _, value in record) for record in pairs.records]
    titles = [pairs.title(place) or "" for place in range(len(texts))]
    views = []
    for some in (texts, titles):
        for analyzer, sizes in (("word", (1, 1)), ("char_wb", (3, 3))):
            vectorizer = TfidfVectorizer(analyzer=analyzer, ngram_range=sizes)
            try:
                views.append(vectorizer.fit_transform(some))
            except ValueError:  # no text has a word
                continue
    words = [set(_WORD.findall(text.lower())) for text in titles]
    numbers = [set(_NUMBER.findall(text)) for text in titles]
    names = sorted({name for record in pairs.records for name, _ in record})
    found = {}
    for split in pairs.left:
        left, right = pairs.left[split], pairs.right[split]
        columns = [np.asarray(view[left].multiply(view[right]).sum(1)).ravel() for view in views]
        for sets in (words, numbers):
            columns += list(_overlap(sets, left, right))
        for name in names:
            columns += list(_of_one(pairs, name, left, right))
        found[split] = np.stack(columns, 1).astype(np.float32)
    return found


def _overlap(
    sets: list[set[str]], left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of what either has that both have; how many only one has."""
    both, apart = [], []
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        common, every = sets[one] & sets[other], sets[one] | sets[other]
        both.append(len(common) / len(every) if every else -1.0)
        apart.append(len(every) - len(common))
    return np.array(both), np.array(apart)


def _of_one(
    pairs: Pairs, name: str, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of one property: shared words, and of numbers their ratio; -1 where a record lacks it."""
    values = [dict(record).get(name) for record in pairs.records]
    shared, ratio = np.full(len(left), -1.0), np.full(len(left), -1.0)
    for place, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        a, b = values[one], values[other]
        if a is None or b is None:
            continue
        both = [set(_WORD.findall(text.lower())) for text in (a, b)]
        every = both[0] | both[1]
        shared[place] = len(both[0] & both[1]) / len(every) if every else 1.0
        try:
            low, high = sorted((abs(float(a)), abs(float(b))))
        except ValueError:
            continue
        ratio[place] = low / high if high else 1.0
    return shared, ratio


def vectors_of_pairs(pairs: Pairs, vectors_NH: np.ndarray) -> dict[str, np.ndarray]:
    """By split, (N, 2) how near the vectors of two records are: cosine and distance."""
    lengths_N1 = np.linalg.norm(vectors_NH, axis=1, keepdims=True)
    unit_NH = vectors_NH / np.maximum(lengths_N1, 1e-9)
    found = {}
    for split in pairs.left:
        one, other = unit_NH[pairs.left[split]], unit_NH[pairs.right[split]]
        apart = np.abs(vectors_NH[pairs.left[split]] - vectors_NH[pairs.right[split]]).mean(1)
        found[split] = np.stack([(one * other).sum(1), apart], 1).astype(np.float32)
    return found


def matched(features: dict[str, np.ndarray], pairs: Pairs, seed: int) -> dict[str, Any]:
    """Boosted trees that learn from train; the threshold from validation; test read once."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import average_precision_score, precision_recall_curve

    model = HistGradientBoostingClassifier(
        max_iter=200, learning_rate=0.1, l2_regularization=1.0, early_stopping=False,
        random_state=seed, class_weight="balanced",
    )  # fmt: skip
    model.fit(features["train"], pairs.same["train"])
    sure = {split: model.predict_proba(features[split])[:, 1] for split in ("valid", "test")}
    precision, recall, levels = precision_recall_curve(pairs.same["valid"], sure["valid"])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    level = float(levels[int(f1[:-1].argmax())])
    said, true = sure["test"] >= level, pairs.same["test"]
    right = int((said & true).sum())
    found = right / max(1, int(true.sum()))
    exact = right / max(1, int(said.sum()))
    return {
        "f1": 2 * found * exact / max(found + exact, 1e-9),
        "precision": exact,
        "recall": found,
        "average_precision": float(average_precision_score(true, sure["test"])),
        "validation_f1": float(f1.max()),
    }
