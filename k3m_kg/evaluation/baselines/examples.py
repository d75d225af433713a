"""How much linear models are fitted to: bounds on time and memory that hold for any catalog."""

from __future__ import annotations

import numpy as np

from k3m_kg.lpm.questions import Triples

MOST_EXAMPLES = 20_000
"""Training triples of one property, drawn at random."""
MOST_CLASSES = 500
"""Values of one property that get weights, the commonest; others rank behind, by frequency."""
MOST_CELLS = 1 << 23
"""Examples times classes, over all properties; with more, each gets its share of examples."""
MOST_CHECKED = 5_000
"""Validation questions of one property that its strength is chosen on."""
MOST_PRODUCTS = 50_000
"""Training products that vocabularies, columns and scales are learned from."""
_FEWEST_EXAMPLES = 500


def drawn(triples: Triples, count: int, seed: int = 0) -> Triples:
    """At most `count` of some triples, at random, in their order."""
    if len(triples) <= count:
        return triples
    chosen = np.random.default_rng(seed).permutation(len(triples))[:count]
    return triples[np.sort(chosen)]


def common(triples: Triples) -> Triples:
    """Those of the commonest values of one property."""
    values, counts = np.unique(triples.values, return_counts=True)
    kept = values[np.argsort(-counts, kind="stable")[:MOST_CLASSES]]
    return triples[np.isin(triples.values, kept)]


def training_examples(known: Triples, names: list[int]) -> tuple[dict[int, Triples], list[str]]:
    """What each property's models are fitted to, and in words what is left out."""
    whole = {name: known.about(np.array([name])) for name in names}
    found = {name: drawn(common(triples), MOST_EXAMPLES) for name, triples in whole.items()}
    cells = sum(len(item) * len(np.unique(item.values)) for item in found.values())
    if cells > MOST_CELLS:
        share = MOST_CELLS / cells
        found = {
            name: drawn(item, max(_FEWEST_EXAMPLES, int(share * len(item))))
            for name, item in found.items()
        }
    fewer = sum(len(found[name]) < len(whole[name]) for name in names)
    if not fewer:
        return found, []
    return found, [
        f"linear models of {fewer} of {len(names)} properties were fitted to a part of their "
        f"training triples ({sum(map(len, found.values())):,} of "
        f"{sum(map(len, whole.values())):,}), and give weights to at most {MOST_CLASSES} values"
    ]
