"""The task keeps its contract, and pairs what belongs together."""

import math

import torch
from example_contrastive_task import ContrastiveSettings, build

from k3m_kg.testing import TaskCase


class TestContract(TaskCase):
    def build(self, context):
        return build(ContrastiveSettings(temperature=1.0), context)

    def test_it_begins_near_a_guess_among_the_products_of_the_batch(self, world):
        batch = world.batch()
        _, result = self.asked(world, self.made(world), batch)
        asked = len(batch.notes["example-contrastive"][0])
        assert 1 < asked < batch.size  # those without title or picture are not asked
        assert abs(result.loss.item() - math.log(asked)) < 1

    def test_equal_titles_are_no_mistake(self, world):
        task, batch = self.made(world), world.batch()
        ids = batch.modalities["title"].arrays["ids"]
        tokens = batch.modalities["title"].tokens_BN
        shown = batch.modalities["title"].product_I[:2]
        ids[1], tokens[shown[1]] = ids[0], tokens[shown[0]]
        task.corrupt(batch, torch.Generator())
        task.settle(batch)
        rows, same, _ = batch.notes["example-contrastive"]
        assert torch.equal(same, same.T)
        if torch.isin(shown, rows).all():
            assert same.sum() == 2
