"""Which weights decay, and what the moving average averages."""

from __future__ import annotations

import torch
from torch import nn

from k3m_kg.config import TrainingSettings
from k3m_kg.training.loop.optimizer import MovingAverage, decays


class Every(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.convolution = nn.Conv2d(3, 4, 3)
        self.attention_layer = nn.MultiheadAttention(4, 2)
        self.embedding = nn.Embedding(5, 4)
        self.norm = nn.BatchNorm2d(4)
        self.position = nn.Parameter(torch.zeros(6, 4))
        self.attention = nn.Parameter(torch.zeros(2, 4))


def test_matrices_of_layers_decay_and_tables_vectors_and_biases_do_not() -> None:
    module = Every()
    chosen = decays([module])
    found = {name for name, parameter in module.named_parameters() if id(parameter) in chosen}
    assert found == {
        "linear.weight",
        "convolution.weight",
        "attention_layer.in_proj_weight",
        "attention_layer.out_proj.weight",
    }


def test_a_weight_that_two_modules_share_is_a_table_if_one_says_so() -> None:
    tied = nn.ModuleList([nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)])
    tied[1].weight = tied[0].weight
    assert not decays([tied])


def test_the_average_follows_the_statistics_of_batch_norm() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    average = MovingAverage([module], TrainingSettings(ema=0.5).ema)
    torch.manual_seed(0)
    means = [module[1].running_mean.clone()]
    for step in range(3):
        module(torch.randn(8, 3, 4, 4) + 5)
        means.append(module[1].running_mean.clone())
        average.update(step)
    expected = means[0]
    for step, mean in enumerate(means[1:]):
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * mean
    with average.applied():
        torch.testing.assert_close(module[1].running_mean, expected)
    assert torch.equal(module[1].running_mean, means[-1])
