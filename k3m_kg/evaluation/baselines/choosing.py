"""Which inputs linear models get: those that the trained model is shown."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from k3m_kg.contracts import TRIPLES
from k3m_kg.evaluation.baselines.attributes import Attributes
from k3m_kg.evaluation.baselines.inputs import IMAGE, TITLE, Input
from k3m_kg.evaluation.baselines.pictures import PlainPictures
from k3m_kg.evaluation.baselines.ready_made import ReadyMade
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.evaluation.baselines.words import Words


def inputs_of(view: View, shown: Collection[str]) -> dict[str, Input]:
    """Inputs by the name that reports give them.

    A modality with ready-made features is an input of its own, beside words and pictures.

    Args:
        view: of the products that are asked about.
        shown: `triples`, and names of modalities.
    """
    found: dict[str, Input] = {
        "words": Words(title=TITLE in shown, texts=TRIPLES in shown),
        "attributes": Attributes(),
        "image": PlainPictures(),
    }
    needed = {"words": {TITLE, TRIPLES}, "attributes": {TRIPLES}, "image": {IMAGE}}
    found = {name: item for name, item in found.items() if needed[name] & set(shown)}
    for name, data in view.batcher.modalities.items():
        if name in shown and data.features(np.empty(0, np.int64)) is not None:
            found[f"{name} encoder"] = ReadyMade(name)
    return found
