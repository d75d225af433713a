"""The built-in evaluations and commands keep their contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.cli.builtin import COMMANDS
from k3m_kg.contracts import Evaluation
from k3m_kg.evaluation.builtin import k3m_kg_evaluations
from k3m_kg.plugin.hookspecs import CommandPlugin
from k3m_kg.testing import CommandCase, EvaluationCase
from k3m_kg.testing.evaluations import opened_shop
from k3m_kg.use.open_model import OpenModel
from k3m_kg_evaluations import k3m_kg_evaluations as downstream

RECORDS = {record.name: record for record in (*k3m_kg_evaluations(), *downstream())}


def built(name: str, **settings: object) -> Evaluation[OpenModel]:
    record = RECORDS[name]
    return record.factory(record.config(**settings))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    return opened_shop(tmp_path_factory.mktemp("shop"))


class InOneShop(EvaluationCase):
    """All in the same one: each leaves the model as it was."""

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, shop: OpenModel) -> OpenModel:  # type: ignore[override]
        return shop


class TestLinkPrediction(InOneShop):
    def build(self) -> Evaluation[OpenModel]:
        return built("link-prediction")


class TestClassificationByProbe(InOneShop):
    def build(self) -> Evaluation[OpenModel]:
        return built("classification", target="kind")


class TestClassificationByFineTuning(InOneShop):
    def build(self) -> Evaluation[OpenModel]:
        return built("classification", target="kind", mode="finetune", epochs=1)


class TestAlignment(InOneShop):
    def build(self) -> Evaluation[OpenModel]:
        return built("alignment")


class TestQuestionAnswering(InOneShop):
    def build(self) -> Evaluation[OpenModel]:
        return built("qa", properties=("kind", "itemColour"))


class TestRetrieval(InOneShop):
    def build(self) -> Evaluation[OpenModel]:
        return built("retrieval")


@pytest.mark.parametrize("record", COMMANDS, ids=lambda record: record.name)
class TestCommands(CommandCase):
    @pytest.fixture(autouse=True)
    def _record(self, record: CommandPlugin) -> None:
        self._built = record

    def build(self) -> CommandPlugin:
        return self._built


def test_a_careless_evaluation_is_caught(tmp_path: Path) -> None:
    class Careless(Evaluation[OpenModel]):
        splits = ("test",)
        runs = 0

        def run(self, opened, split, progress):  # type: ignore[no-untyped-def]
            Careless.runs += 1
            opened.predictor.train()
            progress("look", 2, 1)
            return {"metrics": {"runs": Careless.runs, "at": Path("x")}}

    class Case(EvaluationCase):
        def build(self) -> Evaluation[OpenModel]:
            return Careless()

    opened, case = opened_shop(tmp_path), Case()
    for name in (
        "it_reports_on_each_of_its_splits",
        "it_says_the_same_twice",
        "the_model_is_left_as_it_was",
        "progress_goes_forward",
    ):
        opened.predictor.eval()
        with pytest.raises((AssertionError, TypeError)):
            getattr(case, f"test_{name}")(opened)


class Loud(CommandCase):
    def build(self) -> CommandPlugin:
        return CommandPlugin("Loud Command", "Two\nlines.", lambda: print)


def test_a_careless_command_is_caught() -> None:
    with pytest.raises(AssertionError):
        Loud().test_name_and_summary_fit_the_list_of_commands()
