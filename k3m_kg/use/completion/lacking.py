"""What completion would propose where products do not state a property: wrong unless it applies.

Nobody knows whether it does, so what is counted on is how probably it does: see
`k3m_kg.presence.estimate` for what that takes for granted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from k3m_kg.presence.applies import Applies, learn, load
from k3m_kg.use.completion.proposing import CompletionSettings, Temperature, WhatApplies, complete
from k3m_kg.use.open_model import OpenModel

LEAST_APPLIES = 0.1
"""What applies with less probability is no proposal at any threshold."""
_PRODUCTS_ASKED = 20_000


@dataclass(frozen=True, slots=True)
class LackingAnswers:
    """The best answers to Q questions about one property, of products that do not state it.

    Attributes:
        probability_Q: that the property applies and the answer is right.
        applies_Q: that it applies.
    """

    probability_Q: np.ndarray
    applies_Q: np.ndarray


def what_applies(opened: OpenModel) -> Applies:
    """As it was learned when the model was calibrated; else from the snapshot, which takes seconds.

    Raises:
        ArtifactError: what was kept is damaged.
    """
    kept = load(opened.trained.path)
    return Applies(learn(opened.snapshot) if kept is None else kept, opened.snapshot)


def lacking_answers(
    opened: OpenModel,
    split: str,
    applies: WhatApplies,
    temperature: Temperature,
    *,
    batch_size: int = 256,
) -> dict[str, LackingAnswers]:
    """What completion says of what products of a split do not state, by property.

    Of many products some are drawn. Questions that apply with less than `LEAST_APPLIES` are left
    out.

    Raises:
        K3MError: the predictor gave NaN scores.
    """
    rows = opened.snapshot.rows(split)
    if len(rows) > _PRODUCTS_ASKED:
        rows = np.sort(np.random.default_rng(0).choice(rows, _PRODUCTS_ASKED, replace=False))
    settings = CompletionSettings(every_property=True, top_k=1, applies=LEAST_APPLIES)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for item in complete(
        opened.predictor,
        opened.batcher,
        rows,
        settings,
        applies=applies,
        temperature=temperature,
        batch_size=batch_size,
    ):
        found[item.property].append((item.probability, item.applies))
    return {name: LackingAnswers(*np.array(pairs).T) for name, pairs in found.items()}
