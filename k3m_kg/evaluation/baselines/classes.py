"""Linear models asked for one label per product, as item classification asks."""

from __future__ import annotations

import numpy as np

from k3m_kg.evaluation.baselines.examples import MOST_CHECKED, drawn, training_examples
from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.linear import fit_linear
from k3m_kg.evaluation.baselines.links import Reading
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples
from k3m_kg.progress import Advance

Labelled = tuple[np.ndarray, np.ndarray]
"""Rows of products and their labels."""


def linear_labels(
    inputs: dict[str, Input],
    view: View,
    asked: int,
    parts: tuple[Labelled, Labelled, Labelled],
    progress: Advance | None = None,
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The label that a linear model on each input gives every product of the third part.

    Args:
        inputs: not yet fitted.
        view: the snapshot.
        asked: the property that no product shows, or `NO_PROPERTY`.
        parts: train, validation and what is asked.
        progress: told of models, one per input.

    Returns:
        Labels by input, and in words what was left out.
    """
    reading = Reading.fitted(inputs, view)
    train, validation, test = parts
    # Labels stand in for values here, so that the same bounds draw the examples.
    labelled = Triples(train[0], np.zeros(len(train[0]), np.int64), train[1])
    examples, notes = training_examples(labelled, [0])
    chosen = examples[0]
    checked = drawn(Triples(validation[0], validation[0] * 0, validation[1]), MOST_CHECKED)
    matrices = [
        reading.matrices(view, Triples.each(rows, asked))
        for rows in (chosen.rows, checked.rows, test[0])
    ]
    found = {}
    for name in reading.names:
        model = fit_linear((matrices[0][name], chosen.values), (matrices[1][name], checked.values))
        found[name] = model.classes[model.logits(matrices[2][name]).argmax(1)]
        if progress:
            progress(1)
    return found, notes
