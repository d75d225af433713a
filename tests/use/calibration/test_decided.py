"""Decisions as truth for a calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer, ReviewOrder
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.use.calibration.acceptance import threshold
from k3m_kg.use.calibration.answers import KnownAnswers
from k3m_kg.use.calibration.decided import (
    NOTHING_DECIDED,
    DecidedAnswers,
    DecidedProposal,
    DecidedProposals,
)
from k3m_kg.use.calibration.kept import PropertyCalibration, calibrate, load_calibration
from k3m_kg.use.calibration.label_noise import LabelNoise, label_noise
from k3m_kg.use.completion.proposing import everything_applies
from k3m_kg.use.open_model import OpenModel
from tests.use.calibration.test_calibration import own

__all__ = ["own"]


def answers(probability: np.ndarray, right: np.ndarray, weight: float = 1.0) -> DecidedAnswers:
    return DecidedAnswers(probability, right, np.full(len(right), weight))


def test_decisions_prove_what_validation_is_too_small_for() -> None:
    few = np.full(30, 0.99), np.ones(30, bool)
    assert not threshold(*few, 0.95).reached
    decided = answers(np.full(60, 0.98), np.ones(60, bool))
    found = threshold(*few, 0.95, decided=decided)
    assert (found.accepted, found.decided, found.probability) == (30, 60, 0.98)
    assert threshold(np.empty(0), np.empty(0, bool), 0.9, decided=decided).reached


def test_weights_that_are_unequal_prove_less() -> None:
    few = np.full(30, 0.99), np.ones(30, bool)
    weight = np.append(np.ones(59), 60.0)
    decided = DecidedAnswers(np.full(60, 0.98), np.ones(60, bool), weight)
    assert not threshold(*few, 0.95, decided=decided).reached


def test_decisions_alone_refuse_what_validation_would_prove() -> None:
    sure = np.full(2000, 0.99), np.ones(2000, bool)
    wrong = answers(np.full(40, 0.99), np.arange(40) < 30)
    assert threshold(*sure, 0.95).reached
    assert not threshold(*sure, 0.95, decided=wrong).reached
    assert threshold(*sure, 0.7, decided=wrong).reached


def test_decisions_make_no_guess_whether_a_property_applies() -> None:
    sure = np.full(200, 0.9), np.ones(200, bool)
    hardly = np.full(500, 0.95), np.full(500, 0.8)
    assert not threshold(*sure, 0.9, hardly).reached
    decided = answers(np.full(2000, 0.9), np.ones(2000, bool))
    assert threshold(*sure, 0.9, hardly, decided).reached


def test_no_more_is_wrong_of_what_is_stated_than_the_surest_answers_disagree_with() -> None:
    random = np.random.default_rng(0)
    probability = random.random(900)
    right = (random.random(900) < 0.95) & (probability > 0.5)

    def noise_of(count: int) -> LabelNoise | None:
        return label_noise(
            PropertyCalibration(
                temperature=1.0,
                source="own",
                fitting=0,
                probability=probability[:count].tolist(),
                right=right[:count].tolist(),
            )
        )

    found = noise_of(900)
    assert found is not None
    assert found.questions == 300
    assert 0.03 < found.disagree < 0.07 < found.at_most + 0.03
    assert found.disagree < found.at_most < 0.1
    assert noise_of(60) is None


@pytest.fixture
def desk(tmp_path: Path) -> ReviewDesk:
    """Of 100 proposals the 80 less sure ones are all wrong, the 20 sure ones all right."""
    store, _ = GraphStore.create(f"sqlite:///{tmp_path / 'graph.db'}")
    with store.writing() as writer:
        session = writer.session(SourceVersion("shop.csv", "csv", "d"), lambda images: [])
        session.write([Statement(ProductRecord(f"P{n:03}", "x", None, (), ())) for n in range(101)])
        session.finish(0)
    desk = ReviewDesk(store, random_share=0.0, clock=lambda: 1000.0)
    offers = [ReviewOffer(f"P{n:03}", "size", "M", 0.55 if n < 80 else 0.96) for n in range(100)]
    desk.add("models/a@1", offers)
    desk.add("models/b@2", [ReviewOffer("P100", "size", "M", 0.3)])
    return desk


def decide(desk: ReviewDesk, count: int) -> None:
    for item in desk.next("ann", count, order=ReviewOrder.UNCERTAINTY):
        right = item.probability > 0.9
        answer = DecidedAs.ACCEPT if right else DecidedAs.REJECT
        desk.decide("ann", [item.id], answer)


def of(desk: ReviewDesk, model: str = "models/a@1") -> DecidedProposals:
    return DecidedProposals.of(model, desk.shares(model), desk.decided(), desk.judgements())


def test_a_moved_artifact_keeps_what_was_decided(desk: ReviewDesk) -> None:
    decide(desk, 40)
    assert of(desk, "elsewhere/c@1") == of(desk)
    assert of(desk, "models/a@2").asked == 1  # of b, whose weights these are
    assert of(desk, "models/a@3").asked == 0


def test_each_decision_counts_for_the_proposals_that_are_like_it(desk: ReviewDesk) -> None:
    decide(desk, 40)
    found = of(desk)
    assert (found.asked, len(found.proposals), found.unseen) == (100, 40, 20)
    assert {one.weight for one in found.proposals} == {2.0}
    decide(desk, 45)
    found = of(desk)
    weights = {one.right: one.weight for one in found.proposals}
    assert weights[False] == 1.0
    assert weights[True] == 20 / (len(found.proposals) - 80)
    share = sum(one.weight * one.right for one in found.proposals) / 100
    assert share == pytest.approx(0.2)


def test_other_models_proposals_are_no_truth_about_this_one(desk: ReviewDesk) -> None:
    desk.decide("ann", [one.id for one in desk.next("ann", 101)], DecidedAs.REJECT)
    assert len(of(desk).proposals) == 100
    assert [one.product for one in of(desk, "models/b@2").proposals] == ["P100"]


def test_answers_that_people_judged_are_what_they_say(opened: OpenModel) -> None:
    catalog, ids = opened.batcher.catalog, opened.snapshot.ids
    number = max(range(len(catalog.properties)), key=lambda n: len(catalog.candidates[n]))
    name, candidates = catalog.properties[number], catalog.candidates[number]
    first, second = (catalog.values[int(value)] for value in candidates[:2])
    right = torch.zeros(2, len(candidates), dtype=torch.bool)
    right[:, 0] = True
    given = KnownAnswers(name, torch.zeros(2, len(candidates)), right, np.array([0, 1]), np.ones(2))
    says = [(ids[0], name, first, "misstated"), (ids[0], name, second, "right")]
    judgements = [(p, n, v, _judgement(text)) for p, n, v, text in says]
    decided = DecidedProposals.of("m", [], [], judgements)
    found = decided.corrected(given, opened.batcher)
    assert found.right_QC.nonzero().tolist() == [[0, 1], [1, 0]]
    assert given.right_QC[:, 0].all()
    assert decided.judges(given, opened.batcher) == 1
    assert NOTHING_DECIDED.corrected(given, opened.batcher) is given


def _judgement(name: str) -> object:
    from k3m_kg.graph.tables import Judgement

    return Judgement[name.upper()]


def test_a_calibration_keeps_what_people_decided(own: OpenModel) -> None:
    """Of what the model proposes; what it says otherwise by now is left out."""
    from k3m_kg.use.completion.proposing import CompletionSettings, complete

    rows = own.snapshot.rows("train")
    asked = complete(own.predictor, own.batcher, rows, CompletionSettings(top_k=1, applies=0.0))
    best = list(asked)[:6]
    assert best
    proposals = [
        DecidedProposal(one.product, one.property, one.value, number > 0, 2.0)
        for number, one in enumerate(best)
    ]
    proposals.append(DecidedProposal(best[0].product, best[0].property, "no such", True, 1.0))
    proposals.append(DecidedProposal("nobody", best[0].property, best[0].value, True, 1.0))
    decided = DecidedProposals(tuple(proposals), {}, 20, 0, 3)
    told = decided.answers(own.predictor, own.batcher, everything_applies, lambda name: 1.0)
    assert sum(len(one.right_D) for one in told.values()) == len(best)
    for one in best:
        assert one.probability == pytest.approx(told[one.property].probability_D, abs=1e-4) or any(
            abs(one.probability - other) < 1e-4 for other in told[one.property].probability_D
        )
    calibrate(own, decided)
    kept = load_calibration(own.trained)
    assert kept is not None
    assert kept.decisions is not None
    assert (kept.decisions.decided, kept.decisions.right) == (len(best), len(best) - 1)
    assert kept.decisions.proposals == 20
    assert sum(len(item.decided) for item in kept.properties.values()) == len(best)


def test_the_report_says_how_what_was_asked_was_corrected() -> None:
    from k3m_kg.evaluation.link_prediction_task import decision_lines

    found = {"answers": 3, "decided": 40, "proposals": 100, "right": 30, "clipped": 2, "unseen": 7}
    shares = {"precision": 0.61, "probability": 0.7, "effective": 12.4}
    text = "\n".join(decision_lines(found | shares))
    assert "people judged 3 of the answers" in text
    assert "40 of 100 proposals of this model, 30 as right: 61.0% of all in proportion" in text
    assert "no random choice" in text
    assert "as good as 12 drawn at random" in text
    assert "2 would have counted for more" in text
    assert "7 proposals are like none decided" in text
    assert list(decision_lines(None)) == []
