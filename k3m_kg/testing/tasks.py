"""Conformance tests for a pretraining task, within a small K3M over a small shop."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from k3m_kg.batches.batcher import Batcher, build_catalog
from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.contracts import (
    ModalityContext,
    ModelContext,
    ModelOutputs,
    PretrainingTask,
    ProductBatch,
    TaskContext,
    TaskLoss,
)
from k3m_kg.model.compose import build_encoders, build_model, resolve, task_context
from k3m_kg.model.k3m import K3M
from k3m_kg.snapshot import Snapshot
from k3m_kg.testing.shop import shop_snapshot
from k3m_kg.use.partial import Partial

_PATCHES = {"size": 32, "patch": 8, "channels": [8, 8], "heads": 2, "codebook": 8, "colours": 8}
_CONFIG = {
    "snapshot": "snapshots",
    "output": "artifact",
    "image_encoder": {"name": "patch-vit", "shift": 1, **_PATCHES},
    "text_encoder": {"name": "bert-wordpiece", "vocab_size": 200, "layers": 1, "heads": 2},
    "model": {"hidden": 16, "dropout": 0.0, "interactor": {"layers": 1, "heads": 2}},
}


@dataclass
class World:
    """A model over a shop, and what makes batches of it."""

    model: K3M
    batcher: Batcher
    context: TaskContext
    rows: np.ndarray

    @classmethod
    def of(cls, folder: Path, knowledge: str) -> World:
        """A model with random weights, the codebook and the tokenizer fitted."""
        snapshot = Snapshot.open(shop_snapshot(folder, 40))
        data = _CONFIG | {"model": {**_CONFIG["model"], "knowledge": knowledge}}  # type: ignore[dict-item]
        config = resolve(validate_settings(RunConfig, data, "conformance"))
        torch.manual_seed(0)
        encoders = build_encoders(config)
        titles = [title for title in snapshot.titles.to_pylist() if title]
        encoders.text.fit(titles, [*snapshot.properties, *snapshot.values])
        opened = {name: view.open(snapshot) for name, view in encoders.modalities.items()}
        for name, view in encoders.modalities.items():
            view.fit(opened[name], np.arange(len(snapshot)))
        catalog = build_catalog(snapshot, encoders.text, config.model)
        model = build_model(config, encoders).eval()
        batcher = Batcher(snapshot, opened, config.model, catalog)
        context = task_context(config, model, catalog)
        return cls(model, batcher, context, snapshot.rows("train"))

    def batch(self, count: int = 12) -> ProductBatch:
        """The first training products."""
        return self.batcher.batch(self.rows[:count])


def unfitted(snapshot: Snapshot, *, restoring: bool = False) -> ModalityContext:
    """What a modality builds on: the encoders of a small K3M, the text encoder fitted."""
    config = resolve(validate_settings(RunConfig, _CONFIG, "conformance"))
    encoders = build_encoders(config)
    titles = [title for title in snapshot.titles.to_pylist() if title]
    encoders.text.fit(titles, [*snapshot.properties, *snapshot.values])
    assert encoders.image is not None
    context = ModelContext(config.model.hidden, restoring=restoring)
    return ModalityContext(context, encoders.text, encoders.image, config.model)


class TaskCase:
    """Subclass this and give `build(context) -> PretrainingTask`.

    Attributes:
        knowledge: how the model encodes knowledge, `term` or `product`.
        learns: whether the task has a loss on ordinary products.
        swaps: whether it shows products what belongs to others, so that more may be there.
    """

    knowledge = "term"
    learns = True
    swaps = False

    @abstractmethod
    def build(self, context: TaskContext) -> PretrainingTask:
        """The task under test."""

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory: pytest.TempPathFactory) -> World:
        """A model for it."""
        return World.of(tmp_path_factory.mktemp("shop"), cls.knowledge)

    def made(self, world: World) -> PretrainingTask:
        """A fresh task in evaluation mode."""
        torch.manual_seed(0)
        task = self.build(world.context)
        assert isinstance(task, PretrainingTask)
        scorer = task.link_scorer()
        if scorer is not None:
            world.model.rank_with(scorer)
        return task.eval()

    def corrupted(
        self, world: World, task: PretrainingTask, batch: ProductBatch, seed: int = 3
    ) -> ProductBatch:
        """The batch as the model sees it in training."""
        task.corrupt(batch, torch.Generator().manual_seed(seed))
        batch.hide_stated()
        task.settle(batch)
        return batch

    def asked(
        self, world: World, task: PretrainingTask, batch: ProductBatch
    ) -> tuple[ModelOutputs, TaskLoss]:
        """One whole step."""
        self.corrupted(world, task, batch)
        world.model.settle(batch, torch.Generator())
        world.model.unpack(batch)
        outputs = world.model(batch, lambda tokens: task.encoded(tokens, batch))
        return outputs, task.loss(outputs, batch)

    def test_the_loss_is_finite_and_teaches_the_model(self, world: World) -> None:
        """A scalar, with finite gradients that reach the model."""
        task = self.made(world)
        _, result = self.asked(world, task, world.batch())
        if not self.learns:
            assert result.loss is None
            return
        assert result.loss is not None
        assert result.loss.dim() == 0
        assert result.loss.isfinite()
        world.model.zero_grad()
        torch.autograd.backward(result.loss)
        gradients = [p.grad for p in world.model.parameters() if p.grad is not None]
        world.model.zero_grad()
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert any(gradient.any() for gradient in gradients)

    def test_metrics_are_finite_numbers(self, world: World) -> None:
        """And carry no gradient."""
        _, result = self.asked(world, self.made(world), world.batch())
        for value in result.metrics.values():
            number = torch.as_tensor(value)
            assert number.numel() == 1
            assert number.isfinite()
            assert not number.requires_grad

    def test_all_randomness_comes_from_the_generator(self, world: World) -> None:
        """The same seed corrupts the same way, whatever torch's own generator does."""
        task, results = self.made(world), []
        for other in (1, 2):
            torch.manual_seed(other)
            outputs, result = self.asked(world, task, world.batch())
            results.append((outputs.cstar_BH, result.loss))
        assert torch.equal(results[0][0], results[1][0])
        if self.learns:
            torch.testing.assert_close(results[0][1], results[1][1])

    def test_nothing_absent_becomes_present(self, world: World) -> None:
        """Corrupting only takes away, and leaves ids, shapes and the catalog as they are."""
        before = world.batch()
        after = self.corrupted(world, self.made(world), copy.deepcopy(before))
        assert not (after.triple_visible_E & ~before.triple_visible_E).any()
        for name, tokens in before.modalities.items():
            if not self.swaps:
                assert not (after.modalities[name].shown_BN & ~tokens.shown_BN).any(), name
        for name in ("rows_B", "triple_product_E", "triple_property_E", "triple_value_E"):
            assert torch.equal(getattr(after, name), getattr(before, name)), name
        shapes = [
            {key: array.shape for key, array in tokens.arrays.items()}
            for batch in (before, after)
            for tokens in batch.modalities.values()
        ]
        assert shapes[: len(shapes) // 2] == shapes[len(shapes) // 2 :]
        assert after.catalog.values == before.catalog.values

    def test_what_is_hidden_has_no_influence(self, world: World) -> None:
        """Hidden triples, cut words and masked tokens: with others in their place, the model
        makes the same of the products. What a task asks of its own questions is not seen here."""
        task = self.made(world)
        seen = self.corrupted(world, task, world.batch())
        hidden_E = ~seen.triple_visible_E
        gone_BT = ~seen.modalities["title"].shown_BN
        other = world.batch()
        ids = other.modalities["title"].arrays
        masked_BT = seen.modalities["title"].arrays["ids"] != ids["ids"]
        ids["ids"] = torch.where(masked_BT | gone_BT, 1, ids["ids"])
        count = len(other.catalog.values)
        other.triple_value_E[hidden_E] = (other.triple_value_E[hidden_E] + 1) % count
        if other.knowledge is not None:
            text = other.knowledge
            mine_BK = text.present_BK & text.is_value_BK & hidden_E[text.triple_BK]
            text.ids_BK[mine_BK] = 1
        self.corrupted(world, task, other)
        same = torch.equal(other.triple_visible_E, seen.triple_visible_E)
        if not same or not torch.equal(_shown(other, seen), _shown(seen, seen)):
            return  # it draws by what stands there, so the two cannot be compared
        with torch.no_grad():
            torch.testing.assert_close(
                world.model(other).cstar_BH, world.model(seen).cstar_BH, atol=1e-4, rtol=1e-4
            )

    def test_one_product_is_enough(self, world: World) -> None:
        """A batch of one; its loss may be None."""
        _finite(self.asked(world, self.made(world), world.batch(1))[1])

    def test_products_with_nothing_to_learn_from(self, world: World) -> None:
        """No title, no picture, no triple, alone or together."""
        task = self.made(world)
        for parts in ((), ("title",), ("image",), ("triples",)):
            batch = Partial.only(world.batcher, parts).batch(world.rows[:3])
            _finite(self.asked(world, task, batch)[1])
        bare = world.batch(3)
        no_triples = torch.zeros(0, dtype=torch.long)
        bare.triple_product_E = bare.triple_property_E = bare.triple_value_E = no_triples
        bare.triple_visible_E = no_triples.bool()
        for tokens in bare.modalities.values():
            tokens.spells_EN = None
        bare.knowledge = None
        _finite(self.asked(world, task, bare)[1])

    def test_it_works_beside_a_task_that_hides_everything(self, world: World) -> None:
        """What another task has hidden before is no error."""
        task, batch = self.made(world), world.batch()
        batch.triple_visible_E = batch.triple_visible_E & False
        for tokens in batch.modalities.values():
            tokens.present_B = tokens.present_B & False
        _finite(self.asked(world, task, batch)[1])


def _shown(batch: ProductBatch, by: ProductBatch) -> Tensor:
    """The title tokens of one batch where another shows any."""
    return batch.modalities["title"].arrays["ids"][by.modalities["title"].shown_BN]


def _finite(result: TaskLoss) -> None:
    assert result.loss is None or result.loss.isfinite()
