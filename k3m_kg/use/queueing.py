"""What a model says, as offers to the people who review it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from k3m_kg.contracts import TrainedPredictor
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.use.audit import Finding
from k3m_kg.use.calibration.acceptance import Threshold
from k3m_kg.use.calibration.decided import NOTHING_DECIDED, DecidedProposals
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.open_model import OpenModel

_WEIGHTS_SHOWN = 12


def model_name(trained: TrainedPredictor) -> str:
    """Who proposes: the artifact, and which weights, as others have other probabilities."""
    return f"{trained.path.resolve()}@{trained.weights[:_WEIGHTS_SHOWN]}"


def decided_about(opened: OpenModel, db: str | None) -> DecidedProposals:
    """What people decided in a graph about what this model proposed, and about values.

    Nothing where there is no graph.

    Raises:
        GraphError: it cannot be read.
    """
    if db is None or not GraphStore.exists(db):
        return NOTHING_DECIDED
    with GraphStore.open(db) as store:
        desk, model = ReviewDesk(store), model_name(opened.trained)
        return DecidedProposals.of(model, desk.shares(model), desk.decided(), desk.judgements())


def offered_proposals(
    proposals: Iterable[Proposal],
    thresholds: dict[str, Threshold] | None = None,
    precision: float | None = None,
    *,
    of_category: bool = False,
) -> Iterator[ReviewOffer]:
    """The best value of each question, with the others beside it.

    What is sure enough to be written without being asked (`thresholds`, `precision`) is worth an
    answer only as far as it is wrong; of what is not, an answer fills a value that nobody else
    would.

    Args:
        proposals: product after product, property after property, the best value first.
        thresholds: what `precision` accepts, by property; None where nothing was calibrated.
    """
    for (product, name), group in groupby(proposals, lambda item: (item.product, item.property)):
        best, *others = group
        details: dict[str, Any] = {"applies": best.applies, "score": best.score}
        if others:
            details["alternatives"] = [
                {"value": other.value, "probability": other.probability} for other in others
            ]
        if best.explanation is not None:
            details["parts"] = [asdict(part) for part in best.explanation.parts]
            details["without"] = best.explanation.without
        if best.place is not None:
            details["place"] = asdict(best.place)
        needed = (thresholds or {}).get(name)
        sure = needed is not None and needed.reached and best.probability >= needed.probability
        share = min(1.0, max(0.0, best.probability))
        worth = 1 - share if sure else share
        property_ = None if of_category else name
        yield ReviewOffer(
            product,
            property_,
            best.value,
            share,
            worth=worth,
            promised=precision if sure else None,
            details=details,
        )


def offered_findings(findings: Iterable[Finding]) -> Iterator[ReviewOffer]:
    """Doubted values: as worth an answer as they are probably wrong.

    Titles and pictures that do not fit are left out: nothing of the graph could be put right.
    """
    for item in findings:
        if item.kind == "value":
            share = 1 / (1 + math.exp(-min(50.0, max(-50.0, item.suspicion))))
            details = {
                "suspicion": item.suspicion,
                "stated_probability": item.probability,
                "expected_probability": item.better_probability,
            }
            yield ReviewOffer(
                item.product,
                item.property,
                item.better,
                share,
                stated=item.stated,
                worth=share,
                details=details,
            )
