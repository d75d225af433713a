"""Which triples of a split are asked, and what no question may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from k3m_kg.batches.batcher import Batcher
from k3m_kg.errors import UsageError
from k3m_kg.lpm.questions import Triples, answerable, property_ids, truth_of
from k3m_kg.snapshot.holdout import HELD_FOR_TEST, HELD_FOR_VALIDATION, is_held_out


def questions_of(
    batcher: Batcher, split: str, properties: Sequence[str] = ()
) -> tuple[Triples, Triples, Triples]:
    """What to ask of a split's products.

    Returns:
        The questions; all that is true of their products; what no question may see, as the
        snapshot holds it out.

    Raises:
        UsageError: an unknown property, or nothing to ask.
    """
    catalog, snapshot = batcher.catalog, batcher.snapshot
    asked = property_ids(catalog, properties, "--property") if properties else answerable(catalog)
    truth, wanted_E, held_E = _asked(batcher, split)
    with held_out_included(batcher):
        within_reach = Triples.of(batcher, np.unique(truth.rows)).keys(catalog)
    wanted = truth[wanted_E].about(asked)
    questions = wanted[np.isin(wanted.keys(catalog), within_reach)]
    if not len(questions):
        what = "held-out triples" if split == "train" else "triples"
        raise UsageError(
            f"nothing to ask: the {split} products have no {what} of these properties",
            where=str(snapshot.path),
            hint="choose another --split or --property",
        )
    return questions, truth, truth[is_held_out(held_E)]


def asked_triples(batcher: Batcher, split: str) -> tuple[Triples, np.ndarray]:
    """All that is true of the products that a split asks about, and which of it is asked (bool).

    `test`: all triples of the test products. `validation`: all triples of the validation products,
    and of train products those held out for validation. `train`: those held out for test.
    """
    truth, wanted_E, _ = _asked(batcher, split)
    return truth, wanted_E


def _asked(batcher: Batcher, split: str) -> tuple[Triples, np.ndarray, np.ndarray]:
    snapshot = batcher.snapshot
    rows = snapshot.rows(split)
    if split == "validation":
        held = snapshot.triple_product[snapshot.triple_holdout == HELD_FOR_VALIDATION]
        rows = np.concatenate([rows, np.unique(held)])
    truth, held_E = truth_of(snapshot, batcher.catalog, rows)
    mark = HELD_FOR_TEST if split == "train" else HELD_FOR_VALIDATION
    in_train_E = snapshot.split[truth.rows] == 0
    return truth, np.where(in_train_E, held_E == mark, ~is_held_out(held_E)), held_E


@contextmanager
def held_out_included(batcher: Batcher) -> Iterator[None]:
    """Held-out triples stand in the batches, so that their words can be found in the title."""
    before, batcher.with_holdout = batcher.with_holdout, True
    try:
        yield
    finally:
        batcher.with_holdout = before
