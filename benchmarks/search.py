"""Search on a real catalog: does a title, a part of it, a picture find the product that it is of?

    python -m benchmarks search ARTIFACT --queries 300

Asks with products of the artifact's snapshot, drawn by chance: their whole title, one half of its
words (drawn by chance, in their order), their picture; everything else of them is in what is
searched. Ways: words alone (BM25), the model alone, BM25 as a share of the best one with the
model's cosine added by some weight, and reciprocal rank fusion. A product with the same title as
the asked one counts as it; among equal scores the right one is in the middle.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks._figures import add_out, tell
from k3m_kg.search.asked import AskedProduct, asked_vectors
from k3m_kg.search.kept import KeptVectors, brought_up_to_date, in_memory, kept_beside
from k3m_kg.search.nearest import centred
from k3m_kg.search.part_maps import mapped
from k3m_kg.use.open_model import OpenModel, open_model

_DAMPING = 60
_WEIGHTS = (0.001, 0.03, 0.1, 0.3)


def ranks(scores_QN: np.ndarray, right_QN: np.ndarray) -> np.ndarray:
    """(Q,) from 0: how many others are before the best right one; ties: the middle."""
    best_Q1 = np.where(right_QN, scores_QN, -np.inf).max(1, keepdims=True)
    above = ((scores_QN > best_Q1) & ~right_QN).sum(1)
    level = ((scores_QN == best_Q1) & ~right_QN).sum(1)
    found: np.ndarray = above + level / 2
    return found


def figures(rank_Q: np.ndarray) -> dict[str, float]:
    """Shares found first and in the first ten, mean reciprocal rank."""
    return {
        "recall@1": round(float((rank_Q < 1).mean()), 3),
        "recall@10": round(float((rank_Q < 10).mean()), 3),
        "mrr": round(float((1 / (1 + rank_Q)).mean()), 3),
    }


def order(scores_QN: np.ndarray) -> np.ndarray:
    """(Q, N) places, from 0."""
    found = np.empty(scores_QN.shape, np.int64)
    np.put_along_axis(
        found, np.argsort(-scores_QN, 1, kind="stable"), np.arange(scores_QN.shape[1])[None], 1
    )
    return found


def by_model(
    opened: OpenModel, kept: KeptVectors, asked: list[AskedProduct], part: str
) -> np.ndarray:
    """(Q, N) cosines."""
    queries = mapped(asked_vectors(opened, asked), kept.maps[part], kept.middle_H)
    found: np.ndarray = (
        centred(queries, kept.middle_H) @ centred(np.array(kept.vectors_NH), kept.middle_H).T
    )
    return found


def by_words(kept: KeptVectors, texts: list[str]) -> np.ndarray:
    """(Q, N) BM25."""
    scores_QN = np.zeros((len(texts), kept.words.products), np.float32)
    for place, text in enumerate(texts):
        rows, scores = kept.words.find(text, kept.words.products)
        scores_QN[place, rows] = scores
    return scores_QN


def half(title: str, random: np.random.Generator) -> str:
    """One half of the words."""
    words = title.split()
    kept = np.sort(random.permutation(len(words))[: max(1, len(words) // 2)])
    return " ".join(words[place] for place in kept.tolist())


def main() -> None:
    """Ask, print."""
    parser = argparse.ArgumentParser(description="Search by titles and pictures.")
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--keep", action="store_true", help="keep vectors beside the artifact")
    add_out(parser)
    options = parser.parse_args()
    opened = open_model(options.artifact, None, ranks=False)
    kept = (
        brought_up_to_date(kept_beside(options.artifact), opened)
        if options.keep
        else in_memory(opened)
    )
    random = np.random.default_rng(0)
    titles = np.array(opened.snapshot.titles.to_pylist(), object)
    titled = np.flatnonzero([bool(title) for title in titles])
    rows = random.permutation(titled)[: options.queries]
    right_QN = titles[rows][:, None] == titles[None, :]
    for name, texts in (
        ("title", [str(titles[row]) for row in rows]),
        ("half a title", [half(str(titles[row]), random) for row in rows]),
    ):
        words = by_words(kept, texts)
        model = by_model(opened, kept, [AskedProduct(text) for text in texts], "title")
        share = words / np.maximum(words.max(1, keepdims=True), 1e-9)
        ways = {"words": words, "model": model}
        for weight in _WEIGHTS:
            ways[f"words, and the model's cosine by {weight:g}"] = share + weight * model
        places = order(words), order(model)
        fused = 1 / (_DAMPING + places[0]) + 0.1 / (_DAMPING + places[1])
        ways["ranks, the model's by 0.1"] = fused
        for way, scores in ways.items():
            told = {"asked": name, "way": way, "products": len(titles), "queries": len(rows)}
            tell(told | figures(ranks(scores, right_QN)), options.out)
    if "image" in opened.trained.sees:
        pictured = np.flatnonzero(np.diff(opened.snapshot.image_offsets) > 0)
        rows = random.permutation(pictured)[: options.queries]
        asked = [AskedProduct(None, opened.snapshot.image(int(row))) for row in rows]
        if asked:
            scores = by_model(opened, kept, asked, "image")
            own = rows[:, None] == np.arange(len(titles))[None]
            told = {"asked": "picture", "way": "model", "products": len(titles)}
            tell(told | {"queries": len(rows)} | figures(ranks(scores, own)), options.out)


if __name__ == "__main__":
    main()
