"""Which inputs linear models get: those that the trained model is shown."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from k3m_kg.contracts import TRIPLES
from k3m_kg.evaluation.baselines.attributes import Attributes
from k3m_kg.evaluation.baselines.features import Features
from k3m_kg.evaluation.baselines.inputs import IMAGE, TITLE, Input
from k3m_kg.evaluation.baselines.pictures import PLAIN, PlainPictures
from k3m_kg.evaluation.baselines.ready_made import ReadyMade
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.evaluation.baselines.words import Words

FEATURES = "features"


def inputs_of(view: View, shown: Collection[str]) -> dict[str, Input]:
    """Inputs by the name that reports give them: words, attributes, and features.

    Features are what modalities have ready-made. A picture of which that is less than its plain
    pixels (a few colours, for a network that is trained from scratch) is read plainly too.

    Args:
        view: of the products that are asked about.
        shown: `triples`, and names of modalities.
    """
    found: dict[str, Input] = {
        "words": Words(title=TITLE in shown, texts=TRIPLES in shown),
        "attributes": Attributes(),
    }
    needed = {"words": {TITLE, TRIPLES}, "attributes": {TRIPLES}}
    found = {name: item for name, item in found.items() if needed[name] & set(shown)}
    widths = {
        name: 0 if ready_made is None else ready_made.shape[1]
        for name, data in view.batcher.modalities.items()
        for ready_made in [data.features(np.empty(0, np.int64))]
        if name in shown
    }
    dense: list[Input] = [ReadyMade(name) for name, width in widths.items() if width]
    if IMAGE in shown and widths.get(IMAGE, 0) < PLAIN:
        dense.append(PlainPictures())
    return found | ({FEATURES: Features(dense)} if dense else {})
