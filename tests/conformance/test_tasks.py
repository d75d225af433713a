"""The built-in pretraining tasks pass the case that outside ones are given."""

from __future__ import annotations

import pytest
import torch

from k3m_kg.contracts import ModelOutputs, PretrainingTask, ProductBatch, TaskContext, TaskLoss
from k3m_kg.testing import TaskCase
from k3m_kg.testing.tasks import World
from tests.conformance.test_builtin_plugins import make


class TestMaskedLanguage(TaskCase):
    def build(self, context: TaskContext):
        return make("task", "mlm", context, rate=0.5)


class TestMaskedObjects(TaskCase):
    def build(self, context: TaskContext):
        return make("task", "mom", context, rate=0.5)


class TestLinks(TaskCase):
    def build(self, context: TaskContext):
        return make("task", "lpm", context, loss="cross-entropy", questions="leave-one-out")


class TestHiddenLinks(TaskCase):
    knowledge = "product"

    def build(self, context: TaskContext):
        return make("task", "lpm", context, loss="margin", questions="hidden")


class TestModalityDropout(TaskCase):
    learns = False

    def build(self, context: TaskContext):
        return make("task", "modality-dropout", context, title=0.5, image=0.3)


class TestModalityNoise(TaskCase):
    learns = False
    swaps = True

    def build(self, context: TaskContext):
        return make("task", "modality-noise", context, noise=0.5, swap=0.4)


class TestContrastive(TaskCase):
    def build(self, context: TaskContext):
        return make("task", "contrastive", context)


class TestGatedLinks(TaskCase):
    def build(self, context: TaskContext):
        ask = {"loss": "cross-entropy", "questions": "leave-one-out"}
        return make("task", "lpm", context, **ask, gate="relation", experts=2)


class TestProbedLinks(TaskCase):
    def build(self, context: TaskContext):
        return make("task", "lpm", context, gate="relation", probe=True)

    def test_the_loss_is_finite_and_teaches_the_model(self, world: World) -> None:
        """Only the head learns."""
        task = self.made(world)
        _, result = self.asked(world, task, world.batch())
        assert result.loss is not None
        torch.autograd.backward(result.loss)
        task_owned = {id(parameter) for parameter in task.parameters()}
        learned = {
            id(parameter) for parameter in world.model.parameters() if parameter.grad is not None
        }
        assert learned
        assert learned <= task_owned


class Careless(PretrainingTask):
    """Reads what it hides, draws without the generator, and fails without triples."""

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        batch.triple_visible_E = torch.rand(len(batch.triple_visible_E)) < 0.5

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        return TaskLoss(outputs.cstar_BH[batch.triple_product_E].square().mean())


class _CarelessCase(TaskCase):
    def build(self, context: TaskContext):
        return Careless()


@pytest.mark.parametrize(
    "name",
    [
        "test_all_randomness_comes_from_the_generator",
        "test_nothing_absent_becomes_present",
        "test_products_with_nothing_to_learn_from",
    ],
)
def test_a_careless_task_is_caught(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    case, world = _CarelessCase(), World.of(tmp_path_factory.mktemp("shop"), "term")
    if name == "test_nothing_absent_becomes_present":
        hidden = world.batch
        world.batch = lambda count=12: _all_hidden(hidden(count))  # type: ignore[method-assign]
    with pytest.raises(AssertionError):
        getattr(case, name)(world)


def _all_hidden(batch: ProductBatch) -> ProductBatch:
    batch.triple_visible_E = batch.triple_visible_E & False
    return batch
