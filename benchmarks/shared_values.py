"""How much products that share values say of a missing one: their vote, without any learning.

    python -m benchmarks shared_values SNAPSHOT --property baseColour season --hide subCategory

For every triple of the test products: the training products that share most with the product's
other triples (a shared value counts the more, the fewer products have it) vote with the values
that they have of the asked property. Accuracy in %; "some": at least one of them has the right
value. "walk" is what steps from a random one of the triples to a random product that has it too
vote in the mean, as a sampler of neighbours in the graph would see it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from k3m_kg.snapshot import Snapshot

NEIGHBOURS = (8, 32)


def incidence(snapshot: Snapshot) -> tuple[csr_matrix, np.ndarray]:
    """Products by their distinct (property, value) pairs, and each pair's property."""
    width = max(1, len(snapshot.values))
    pair_E = snapshot.triple_property.astype(np.int64) * width + snapshot.triple_value
    pairs, column_E = np.unique(pair_E, return_inverse=True)
    ones = np.ones(len(pair_E))
    shape = (len(snapshot), len(pairs))
    has = csr_matrix((ones, (snapshot.triple_product, column_E)), shape=shape)
    return has, pairs // width


def votes(
    has: csr_matrix,
    name_P: np.ndarray,
    asked: int,
    hidden: list[int],
    asking: np.ndarray,
    train: np.ndarray,
) -> dict[str, float]:
    """Percent right of the products in `asking`, by way of choosing neighbours in `train`."""
    count_P = np.maximum(1, np.asarray(has[train].sum(0))[0])
    rarity_P = np.log(len(train) / count_P) * ~np.isin(name_P, [asked, *hidden])
    answer = has[:, name_P == asked]
    train = train[answer[train].getnnz(1) > 0]
    asking = asking[answer[asking].getnnz(1) > 0]
    told, right = answer[train], answer[asking].toarray() > 0
    overlap = (has[asking].multiply(rarity_P).tocsr() @ has[train].T.tocsr()).toarray()
    order = np.argsort(-overlap, axis=1, kind="stable")
    found = {"majority": np.tile(np.asarray(told.sum(0)), (len(asking), 1))}
    for count in NEIGHBOURS:
        vote = sum(told[order[:, k]].toarray() for k in range(min(count, len(train))))
        found[f"{count} nearest"] = vote
    found["walk"] = has[asking].multiply(rarity_P / count_P).tocsr() @ has[train].T.tocsr() @ told
    found["walk"] = found["walk"].toarray()
    every = np.arange(len(asking))
    report = {name: 100 * right[every, vote.argmax(1)].mean() for name, vote in found.items()}
    some = (found[f"{NEIGHBOURS[0]} nearest"] > 0) & right
    return report | {f"some of {NEIGHBOURS[0]}": 100 * some.any(1).mean()}


def main() -> None:
    parser = argparse.ArgumentParser(description="What shared values say of a missing one.")
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("--property", nargs="+", help="default: all")
    parser.add_argument("--hide", nargs="*", default=[])
    parser.add_argument("--split", choices=["validation", "test"], default="test")
    options = parser.parse_args()
    snapshot = Snapshot.open(options.snapshot)
    has, name_P = incidence(snapshot)
    hidden = [snapshot.properties.index(name) for name in options.hide]
    header = ""
    for name in options.property or snapshot.properties:
        asked = snapshot.properties.index(name)
        report = votes(
            has, name_P, asked, hidden, snapshot.rows(options.split), snapshot.rows("train")
        )
        if not header:
            header = f"| asked | {' | '.join(report)} |\n|{'---|' * (len(report) + 1)}"
            print(header)
        print(f"| {name} | {' | '.join(f'{value:.1f}' for value in report.values())} |", flush=True)


if __name__ == "__main__":
    main()
