from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from k3m_kg.errors import ArtifactError, UsageError
from k3m_kg.evaluation.reliability import check_calibration, draw_reliability
from k3m_kg.snapshot.validation_parts import PROOF, ValidationParts
from k3m_kg.use.calibration.answers import KnownAnswers, completion_questions, known_answers
from k3m_kg.use.calibration.honesty import reliability
from k3m_kg.use.calibration.kept import (
    calibrate,
    fit_temperatures,
    load_calibration,
)
from k3m_kg.use.calibration.temperature import fit_temperature, negative_log_likelihood
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import OpenModel, open_model
from tests.lpm.tiny_links import TriplesOnly


def drawn(name: str, temperature: float, count: int = 4000, values: int = 6) -> KnownAnswers:
    """Questions whose answers are drawn from the softmax of the scores at a temperature."""
    torch.manual_seed(1)
    scores = torch.randn(count, values) * 3
    answer = torch.multinomial((scores / temperature).softmax(1), 1)
    right = torch.zeros(count, values, dtype=torch.bool).scatter(1, answer, True)
    return KnownAnswers(name, scores, right, np.arange(count), np.ones(count))


def parts(count: int = 4000) -> ValidationParts:
    """Products by themselves, drawn evenly."""
    random = np.random.default_rng(0)
    return ValidationParts(np.arange(count), random.permutation(count) / count)


@pytest.fixture
def own(opened: OpenModel, tmp_path: Path) -> OpenModel:
    """The shop's artifact where it may be written to."""
    folder = shutil.copytree(opened.trained.path, tmp_path / "artifact")
    return open_model(folder, opened.snapshot.path, device="cpu")


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_the_answers_were_drawn_with_is_found(temperature: float) -> None:
    assert fit_temperature([drawn("p", temperature)]) == pytest.approx(temperature, rel=0.1)


def test_calibration_lowers_likelihood_and_error_on_other_questions() -> None:
    answers = drawn("p", 3.0)
    fitted = fit_temperature([answers.first(2000)])
    rest = answers.some(np.arange(2000, 4000))
    assert negative_log_likelihood([rest], fitted) < negative_log_likelihood([rest], 1.0)
    before, after = (reliability(*rest.best(t))["ece"] for t in (1.0, fitted))
    assert before > 0.15
    assert after < 0.05


def test_rare_properties_share_a_temperature_and_frequent_ones_have_their_own() -> None:
    answers = [drawn("often", 4.0), drawn("rare", 0.5, 60), drawn("rarer", 0.5, 50)]
    pooled, found = fit_temperatures(answers, parts())
    assert list(found) == ["often", "rare", "rarer"]
    assert found["often"].source == "own"
    assert found["often"].temperature == pytest.approx(4.0, rel=0.1)
    assert found["rare"].temperature == found["rarer"].temperature == pooled
    assert found["rare"].source == "pooled"
    assert pooled < 4.0


def test_thresholds_are_proved_on_other_questions_than_temperatures_are_fitted_to() -> None:
    answers, split = drawn("p", 3.0), parts()
    _, found = fit_temperatures([answers], split)
    fold_Q = split.fold(answers.rows_Q)
    assert found["p"].fitting == (fold_Q != PROOF).sum() == 2000
    assert len(found["p"].probability) == len(found["p"].right) == 2000
    spoilt = KnownAnswers(
        "p", answers.scores_QC.clone(), answers.right_QC.clone(), answers.rows_Q, answers.applies_Q
    )
    proof = torch.from_numpy(fold_Q == PROOF)
    spoilt.right_QC[proof] = spoilt.right_QC[proof].flip(1)
    _, other = fit_temperatures([spoilt], split)
    assert other["p"].temperature == found["p"].temperature
    assert other["p"].right != found["p"].right


@pytest.mark.parametrize("count", [60, 4000])
def test_the_identity_is_kept_where_a_temperature_is_no_better(count: int) -> None:
    """Scores that are already honest, however many; a temperature that chance would give is not."""
    kept = 0
    for seed in range(20):
        torch.manual_seed(seed)
        scores = torch.randn(count, 4)
        answer = torch.multinomial(scores.softmax(1), 1)
        right = torch.zeros(count, 4, dtype=torch.bool).scatter(1, answer, True)
        answers = KnownAnswers("p", scores, right, np.arange(count), np.ones(count))
        pooled, found = fit_temperatures([answers], parts(count), enough=20)
        kept += pooled == 1.0
        assert (found["p"].source == "identity") == (found["p"].temperature == 1.0)
    assert kept >= 8


def test_a_calibration_of_before_is_refused_with_the_reason(own: OpenModel) -> None:
    (own.trained.path / "calibration.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(ArtifactError, match="proved thresholds on what it was fitted to"):
        load_calibration(own.trained)


def test_answers_unseen_in_training_are_wrong_and_make_probabilities_smaller() -> None:
    """Honest scores of which every third is asked for a value that training never saw."""
    answers = drawn("p", 1.0)
    answers.right_QC[::3] = False
    assert not answers.best(1.0)[1][::3].any()
    pooled, found = fit_temperatures([answers], parts())
    assert min(pooled, found["p"].temperature) > 1.5
    before, after = (reliability(*answers.best(t))["ece"] for t in (1.0, found["p"].temperature))
    assert before > 0.15
    assert after < 0.1


def test_a_temperature_is_not_kept_where_best_values_become_less_honest() -> None:
    """Scores that are right of the best value, and far too sure which of the others is second."""
    torch.manual_seed(0)
    first = torch.full((4000, 1), 3.0) + torch.rand(4000, 1)
    rest = torch.randn(4000, 5) * 3
    scores = torch.cat([first + rest.logsumexp(1, keepdim=True) - 2.5, rest], 1)
    probability = scores.softmax(1)[:, 0]
    best = torch.bernoulli(probability).bool()
    other = torch.randint(1, 6, (4000,))
    answer = torch.where(best, torch.zeros(4000, dtype=torch.long), other)
    right = torch.zeros(4000, 6, dtype=torch.bool).scatter(1, answer[:, None], True)
    answers = KnownAnswers("p", scores, right, np.arange(4000), np.ones(4000))
    assert fit_temperature([answers]) > 1.05
    _, found = fit_temperatures([answers], parts())
    assert found["p"].source == "identity"


def test_a_few_that_are_surely_wrong_do_not_make_all_others_too_modest() -> None:
    """Of 400 questions 16 are as good as impossible; the others are as often right as they say."""
    scores = torch.zeros(400, 2)
    scores[:, 0] = 2.2  # 90 %
    scores[::25, 0] = 9.0
    wrong = torch.zeros(400, dtype=torch.bool)
    wrong[::10] = True
    wrong[::25] = True
    right = torch.stack([~wrong, wrong], 1)
    answers = KnownAnswers("p", scores, right, np.arange(400), np.ones(400))
    hotter = fit_temperature([answers])
    assert negative_log_likelihood([answers], hotter) < negative_log_likelihood([answers], 1.0)
    before, after = (reliability(*answers.best(t))["ece"] for t in (1.0, hotter))
    assert after > before + 0.02
    pooled, found = fit_temperatures([answers], parts(400))
    assert (pooled, found["p"].source) == (1.0, "identity")


def test_nothing_fits_nothing() -> None:
    nothing = KnownAnswers(
        "p", torch.empty(0, 3), torch.zeros(0, 3, dtype=torch.bool), np.arange(0), np.ones(0)
    )
    assert fit_temperature([nothing]) == 1.0


def test_expected_calibration_error_by_hand() -> None:
    found = reliability(np.array([0.9, 0.9, 0.3, 0.3]), np.array([1, 0, 0, 1]), bins=2)
    assert found["ece"] == pytest.approx((0.4 + 0.2) / 2)
    assert [row["count"] for row in found["bins"]] == [2, 2]


def test_validation_asks_what_training_never_saw(own: OpenModel) -> None:
    questions, truth = completion_questions(own.batcher, "validation")
    snapshot, catalog = own.snapshot, own.batcher.catalog
    found = {
        (int(row), catalog.properties[name])
        for row, name in zip(questions.rows, questions.properties, strict=True)
    }
    expected = set()
    for row in range(len(snapshot)):
        product = snapshot.product(row)
        for name in {name for name, _ in product.properties} - {"fits"}:
            marks = {
                mark
                for (other, _), mark in zip(product.properties, product.holdout, strict=True)
                if other == name
            }
            if product.split == "validation" or (product.split == "train" and marks == {1}):
                expected.add((row, name))
    assert found == expected
    assert any(snapshot.product(row).split == "train" for row, _ in found)
    assert len(truth) >= len(found)


def test_a_model_that_reads_the_asked_triple_if_it_can_is_no_better_than_chance(
    own: OpenModel,
) -> None:
    for part in known_answers(TriplesOnly(), own.batcher, "validation"):
        assert float(part.scores_QC.abs().max()) == 0
        assert part.right_QC.any(1).all()


def test_completion_is_calibrated_with_what_the_artifact_keeps(own: OpenModel) -> None:
    assert load_calibration(own.trained) is None
    made = calibrate(own)
    assert load_calibration(own.trained) == made
    assert made.snapshot == own.snapshot.id
    settings = CompletionSettings(("kind",), top_k=9)
    rows = own.snapshot.row_of(["p010"])
    model, temperature = own.predictor, made.temperature("kind")
    found = list(complete(model, own.batcher, rows, settings, temperature=made.temperature))
    scores = torch.tensor([item.score for item in found])
    assert [item.probability for item in found] == pytest.approx(
        (scores / temperature).softmax(0).tolist(), abs=1e-5
    )
    assert temperature != pytest.approx(1.0, abs=0.01)


def test_a_calibration_of_other_weights_or_a_damaged_one_is_refused(own: OpenModel) -> None:
    made = calibrate(own)
    made.model_copy(update={"weights": "0" * 64}).save(own.trained.path)
    with pytest.raises(ArtifactError, match="other weights"):
        load_calibration(own.trained)
    file = own.trained.path / "calibration.json"
    file.write_text(json.dumps({"pooled": -1}))
    with pytest.raises(ArtifactError, match="damaged"):
        load_calibration(own.trained)
    file.write_text("{")
    with pytest.raises(ArtifactError, match="Invalid JSON"):
        load_calibration(own.trained)


def test_nothing_to_calibrate_with_is_a_usage_error(own: OpenModel, tmp_path: Path) -> None:
    from k3m_kg.snapshot import SnapshotSettings, build_snapshot
    from tests.catalogs import Shop

    settings = SnapshotSettings(validation=0, test=0.5, holdout=0)
    bare = build_snapshot(Shop(tmp_path / "p", 20), tmp_path / "s", settings).snapshot
    with pytest.raises(UsageError, match="nothing to calibrate with"):
        calibrate(OpenModel.of(own.trained, bare))
    assert not (own.trained.path / "calibration.json").exists()


def test_the_check_counts_every_question_and_draws_a_diagram(
    own: OpenModel, tmp_path: Path
) -> None:
    made = calibrate(own)
    check = check_calibration(made, known_answers(own.predictor, own.batcher, "test"))
    questions, _ = completion_questions(own.batcher, "test")
    assert check["questions"] == len(questions)
    assert sum(row["questions"] for row in check["per_property"].values()) == len(questions)
    for row in check["at_precision"]:  # 38 questions prove none of these
        assert row["accepted"] == 0
        assert set(row["nothing"]) == {"itemColour", "kind", "price"}
    draw_reliability(tmp_path / "r.png", {"test": check})
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
