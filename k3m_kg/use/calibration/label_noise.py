"""How wrong the answers themselves may be that a model is judged by.

Validation's answers are what the catalog states, and some of that is wrong. Where the surest
answers of a model disagree with what is stated, either is wrong; so of what is stated no larger
share can be wrong than disagrees there, if what is wrong is stated without regard to how sure the
model is, and the model does not repeat it. To tell noise and error apart by probabilities alone (a
noise-transition matrix fitted with the temperature) took the errors of a model that was sure and
wrong for noise: up to four times what was planted (docs/log.md). So nothing is credited to a model
that people have not said: disagreement counts as its error until somebody decided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from k3m_kg.quality.promises import upper_bound
from k3m_kg.use.calibration.kept import PropertyCalibration

SUREST = 1 / 3
"""Of the answers to questions about a property, those that are looked at."""
_FEWEST = 30


@dataclass(frozen=True, slots=True)
class LabelNoise:
    """What the surest answers say of what is stated of one property.

    Attributes:
        questions: the surest ones.
        disagree: the share of them that is not what is stated.
        at_most: with 90 % confidence no larger share of what is stated is wrong.
    """

    questions: int
    disagree: float
    at_most: float


def label_noise(item: PropertyCalibration) -> LabelNoise | None:
    """How wrong the answers may be that prove a property's thresholds; None of too few of them."""
    count = int(len(item.right) * SUREST)
    if count < _FEWEST:
        return None
    order = np.argsort(-np.array(item.probability), kind="stable")[:count]
    wrong = int((~np.array(item.right, bool)[order]).sum())
    return LabelNoise(count, wrong / count, upper_bound(wrong, count))
