"""Questions in words: what they may see, what answers are ranked among, and what leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from k3m_kg.config import validate_settings
from k3m_kg.corruption import corrupt, corruption_of
from k3m_kg.errors import ConfigError, UsageError
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.use.open_model import OpenModel
from k3m_kg_evaluations.templates import LANGUAGES, wordings
from tests.lpm.tiny_links import TitleOnly, TriplesOnly

Run = Callable[..., tuple[dict[str, Any], Any]]


def with_predictor(opened: OpenModel, predictor: Any) -> OpenModel:
    trained = replace(opened.trained, build=lambda ids, catalog: predictor)
    return replace(opened, predictor=predictor, trained=trained)


def test_a_question_does_not_see_its_answer_and_what_leaks_is_marked(
    opened: OpenModel, measured: Run
) -> None:
    """It reads titles, which say kind and colour, unless these are cut out."""
    report, _ = measured("qa", with_predictor(opened, TitleOnly()), properties=["kind"])
    assert report["cut_title"] is True
    assert report["leaking"]["rank@1"] > report["metrics"]["rank@1"] + 0.3
    assert report["leaking"]["why"] == "the asked value is left in the title"
    kept, _ = measured(
        "qa", with_predictor(opened, TitleOnly()), properties=["kind"], cut_title=False
    )
    assert kept["metrics"]["rank@1"] > report["metrics"]["rank@1"] + 0.3
    assert "leaking" not in kept


def test_a_head_learns_which_answers_a_question_is_about(opened: OpenModel, measured: Run) -> None:
    """Of the products it knows no more than their other triples, of the words all."""
    told, _ = measured(
        "qa", with_predictor(opened, TriplesOnly()), properties=["price"], answers="property"
    )
    assert told["metrics"]["rank@1"] == 1  # the kind decides it
    every, evaluation = measured("qa", with_predictor(opened, TriplesOnly()), hide=[])
    assert every["metrics"]["answers"] > 5
    assert every["per_property"]["price"]["rank@1"] > 0.9  # and no colour is taken for a price
    assert {*every["per_property"]} >= {"price", "kind", "itemColour"}
    found = evaluation.outcomes()
    assert {*found} == {"rank@1", "rank@3", "rank@10", "mrr"}
    assert len(found["mrr"]) == every["metrics"]["questions"]
    assert every["verdict"]["measure"] == "MRR"
    assert every["baselines"].keys() >= {"majority", "words", "attributes"}


def test_link_prediction_answers_too(opened: OpenModel, measured: Run) -> None:
    report, _ = measured("qa", opened, mode="links", baselines=False, leaking=False)
    links, _ = measured("link-prediction", opened, leakage=False, baselines=False)
    for name, other in (("mrr", "mrr"), ("rank@3", "hits@3")):
        assert report["metrics"][name] == pytest.approx(links["metrics"][other])
    no_ranks = replace(opened, trained=replace(opened.trained, ranks=False))
    with pytest.raises(UsageError, match="cannot rank"):
        measured("qa", no_ranks, mode="links")


def test_fine_tuning_and_a_model_without_words(
    opened: OpenModel, opened_kge: OpenModel, measured: Run
) -> None:
    quick = {"baselines": False, "leaking": False}
    report, _ = measured("qa", opened, mode="finetune", epochs=1, **quick)
    assert report["mode"] == "finetune"
    held, _ = measured("qa", opened_kge, "train", **quick)  # triples held out of known products
    assert 0 < held["metrics"]["mrr"] <= 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_asks_for_the_property(language: str) -> None:
    (questions,) = wordings(["shoe size"], language, None)
    assert all("shoe size" in question for question in questions)
    assert len({*questions}) == len(questions) > 1


def test_other_words_are_a_setting(opened: OpenModel, measured: Run) -> None:
    report, _ = measured(
        "qa", opened, template="{property}?", baselines=False, leaking=False, properties=["kind"]
    )
    assert report["examples"] == ["kind?"]
    record = registry().get(EvaluationPlugin, "qa")
    with pytest.raises(ConfigError, match="no questions in 'xx'"):
        validate_settings(record.config, {"language": "xx"}, "test")
    with pytest.raises(ConfigError, match=r"needs \{property\}"):
        validate_settings(record.config, {"template": "What?"}, "test")


def test_who_is_asked_what_does_not_depend_on_the_model(opened: OpenModel, measured: Run) -> None:
    quick = {"baselines": False, "leaking": False}
    one = measured("qa", opened, **quick)[1].outcomes()["mrr"]
    other = measured("qa", with_predictor(opened, TriplesOnly()), **quick)[1].outcomes()["mrr"]
    assert np.array_equal(one.items, other.items)


@pytest.mark.parametrize("task", ["alignment", "qa", "retrieval"])
def test_what_is_learned_is_learned_once_for_all_views_of_a_catalog(
    opened: OpenModel, task: str, measured: Run
) -> None:
    """And the figures are those of a task that is made anew."""
    view = opened.on(corrupt(opened.snapshot, [corruption_of("TNR:0.5")]))
    settings = {"baselines": False} | ({"leaking": False} if task == "qa" else {})
    report, evaluation = measured(task, opened, **settings)
    kept = evaluation._kept
    stages: list[str] = []
    again = evaluation.run(view, "test", lambda stage, done, total: stages.append(stage))
    assert evaluation._kept is kept
    fresh, _ = measured(task, view, **settings)
    assert {key: fresh["metrics"][key] for key in again["metrics"]} == again["metrics"]
    assert again["metrics"] != report["metrics"]
