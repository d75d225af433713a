"""K3M and an embedding model keep the one contract of link prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from k3m_kg.config import validate_settings
from k3m_kg.contracts import LinkPredictor, ProductBatch, TrainedPredictor
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import train
from k3m_kg.snapshot import Snapshot
from k3m_kg.testing import LinkPredictorCase
from k3m_kg.use.open_artifact import open_trained
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import trained, untrained

CPU = torch.device("cpu")


class TestK3M(LinkPredictorCase):
    knowledge = "term"

    def build(self, folder: Path, snapshot: Snapshot) -> TrainedPredictor:
        return open_trained(untrained(snapshot, folder / "artifact", self.knowledge), CPU)


class TestK3MWithEvidence(LinkPredictorCase):
    def build(self, folder: Path, snapshot: Snapshot) -> TrainedPredictor:
        return open_trained(untrained(snapshot, folder / "artifact", evidence=True), CPU)


class TestBaselineWithKnowledgeAndGate(LinkPredictorCase):
    """One stream of title, triples as text and picture; a gate weighs them by what is asked."""

    def build(self, folder: Path, snapshot: Snapshot) -> TrainedPredictor:
        gated = {"name": "lpm", "loss": "cross-entropy", "gate": "relation", "experts": 2}
        path = untrained(
            snapshot,
            folder / "artifact",
            modalities=["title", {"name": "knowledge", "max_tokens": 40}, "image"],
            fusion="interactive-only",
            model={
                "hidden": 16,
                "knowledge": "term",
                "interactor": {"name": "single-stream", "layers": 1, "heads": 2},
                "structure": "none",
            },
            tasks=[gated],
        )
        return open_trained(path, CPU)


class TestK3MThatReadsKnowledgeAsText(TestK3M):
    knowledge = "product"


class EmbeddingCase(LinkPredictorCase):
    model: object = "transe"
    inverse = False

    def build(self, folder: Path, snapshot: Snapshot) -> TrainedPredictor:
        settings = {
            "snapshot": str(snapshot.path),
            "output": str(folder / "artifact"),
            "model": self.model,
            "inverse_relations": self.inverse,
            "dimension": 6,
            "negatives": {"count": 4, "shared": 1},
            "training": {"epochs": 3, "batch_size": 32, "device": "cpu"},
        }
        return open_trained(train(validate_settings(KgeConfig, settings, "test")), CPU)


class TestTransE(EmbeddingCase):
    pass


class TestRotatE(EmbeddingCase):
    model = "rotate"


class TestComplEx(EmbeddingCase):
    model = "complex"
    inverse = True


class TestConvKB(EmbeddingCase):
    """A scorer with weights of its own."""

    model = "convkb"


del EmbeddingCase  # pytest would run it as a case of its own


class Changed(LinkPredictor):
    """K3M, with heads that `change` has been at."""

    def __init__(self, model: LinkPredictor, change: Callable[[Tensor, ProductBatch], Tensor]):
        super().__init__()
        self.model, self.scorer, self.change = model, model.scorer, change

    def heads(self, batch: ProductBatch) -> Tensor:
        return self.change(self.model.heads(batch), batch)

    def relations(self, batch: ProductBatch, properties_N: Tensor) -> Tensor:
        return self.model.relations(batch, properties_N)

    def tails(self, batch: ProductBatch, values_N: Tensor) -> Tensor:
        return self.model.tails(batch, values_N)


def reads_hidden_triples(head_BH: Tensor, batch: ProductBatch) -> Tensor:
    values = batch.triple_value_E.float()[:, None].expand(-1, head_BH.shape[1])
    return head_BH.index_add(0, batch.triple_product_E, values)


def reads_cut_words(head_BH: Tensor, batch: ProductBatch) -> Tensor:
    return head_BH + batch.modalities["title"].arrays["ids"].sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("change", "test"),
    [
        (lambda head, batch: head - head.mean(0), "vectors_do_not_depend_on_company"),
        (lambda head, batch: head + torch.rand(1), "asking_twice_gives_the_same"),
        (lambda head, batch: torch.zeros_like(head), "it_sees_what_it_says_it_sees"),
        (reads_hidden_triples, "hidden_triples_are_not_read"),
        (reads_cut_words, "cut_words_and_absent_pictures_are_not_read"),
    ],
)
def test_a_careless_model_is_caught(
    change: Callable[[Tensor, ProductBatch], Tensor], test: str
) -> None:
    snapshot = Snapshot.open(trained().parent / "snapshots")
    sound = OpenModel.of(open_trained(trained(), CPU), snapshot)
    careless = replace(sound, predictor=Changed(sound.predictor, change))
    check = getattr(LinkPredictorCase(), f"test_{test}")
    check(sound)
    with pytest.raises(AssertionError):
        check(careless)
