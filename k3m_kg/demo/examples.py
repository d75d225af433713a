"""A few test products, completed by the model, for the report to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from k3m_kg.demo.generator import Truth
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import open_model

_WANTED = (  # state of the title, state of the image
    ("own", "own"),
    ("missing", "own"),
    ("own", "missing"),
    ("wrong", "own"),
    ("own", "wrong"),
    ("own", "own"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """One product as the catalog shows it, and what the model proposes for its empty cells.

    Attributes:
        known: the triples that the catalog has.
        proposals: per missing property, the best values first.
    """

    truth: Truth
    title: str | None
    known: dict[str, str]
    proposals: dict[str, list[Proposal]]


def pick_examples(k3m: Path, truths: dict[str, Truth]) -> list[Example]:
    """One test product for each state of title and image, with two or three empty cells each."""
    opened = open_model(k3m, None)
    snapshot = opened.snapshot
    rows: list[int] = []
    for wanted in _WANTED:
        for row in snapshot.rows("test").tolist():
            truth = truths[snapshot.ids[row]]
            gaps = len(truth.facts) - len(truth.known)
            if (truth.title, truth.image) == wanted and gaps in (2, 3) and row not in rows:
                rows.append(row)
                break
    proposals = complete(
        opened.predictor,
        opened.batcher,
        np.array(rows, np.int64),
        CompletionSettings(top_k=3),
    )
    found: dict[str, dict[str, list[Proposal]]] = {}
    for proposal in proposals:
        of_product = found.setdefault(proposal.product, {})
        of_product.setdefault(proposal.property, []).append(proposal)
    examples = []
    for row in rows:
        product = snapshot.product(row)
        known = dict(product.properties)
        filled = found.get(product.id, {})
        examples.append(Example(truths[product.id], product.title, known, filled))
    return examples
