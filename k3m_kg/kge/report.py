"""What an embedding model is worth on triples: metrics by side, relation and leakage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from k3m_kg.kge.data import TripleData
from k3m_kg.lpm.answer_index import seen_by_relation
from k3m_kg.lpm.relation_leakage import find_relation_leaks
from k3m_kg.lpm.triple_ranks import BOTH, SIDES, Side, TripleVectors, rank_triples

KINDS = ("optimistic", "pessimistic")


def evaluate_triples(
    vectors: TripleVectors,
    data: TripleData,
    split: str,
    *,
    typed: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """The report of `k3m-kg kge evaluate`.

    Args:
        vectors: the model, by the ids of `data`.
        data: the graph; all its triples filter.
        split: `validation` or `test`.
        typed: rank only entities that the relation takes on that side in training.
        progress: told of triples asked, on each side.

    Raises:
        K3MError: a score is NaN.
    """
    asked = {"validation": data.validation, "test": data.test}[split]
    candidates: dict[Side, list[np.ndarray]] | None = None
    if typed:
        candidates = {
            side: seen_by_relation(data.train, len(data.relations), side) for side in SIDES
        }
    ranks = rank_triples(vectors, asked, data.truth, candidates=candidates, progress=progress)
    leaks = find_relation_leaks(data.train, asked)
    clean = np.flatnonzero(~leaks.leaking_Q)
    names = data.relations
    return {
        "task": "link-prediction",
        "split": split,
        "triples": len(asked),
        "unknown": data.unknown,
        "notes": list(data.notes),
        "candidates": "type-constrained" if typed else "all entities",
        "metrics": ranks.metrics(),
        "head": ranks.metrics("head"),
        "tail": ranks.metrics("tail"),
        **{kind: ranks.metrics(BOTH, kind) for kind in KINDS},
        "per_relation": {
            names[relation]: found for relation, found in ranks.per_relation().items()
        },
        "leakage": {
            "triples": int(leaks.leaking_Q.sum()),
            "by_cause": {cause: int(mask.sum()) for cause, mask in leaks.causes.items()},
            "relations": [
                {
                    "cause": rule.cause,
                    "relation": names[rule.relation],
                    "given_away_by": names[rule.by],
                    "share": round(rule.share, 4),
                }
                for rule in leaks.rules
            ],
            "metrics_without": ranks.metrics(questions=clean),
        },
    }
