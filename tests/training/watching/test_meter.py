"""What a training says of its speed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from k3m_kg.engine.hardware import peak_flops, peak_of
from k3m_kg.training.watching.meter import MEANINGS, Meter

DOCS = Path(__file__).parents[3] / "docs" / "training.md"


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


def test_rates_are_over_the_time_since_the_last_reading() -> None:
    clock = Clock()
    meter = Meter(0.0, lambda: 2.0**31, processes=2, clock=clock)
    for _ in range(3):
        clock.now += 0.5
        meter.step(products=8, tokens=100, places=200)
    assert meter.read() == {
        "products_per_second": 16.0,
        "tokens_per_second": 400.0,
        "filled": 0.5,
        "mfu": 0.0,
        "waiting": 0.0,
        "memory_gib": 2.0,
    }
    clock.now += 4
    meter.step(products=8, tokens=0, places=0)
    assert meter.read()["products_per_second"] == 2.0


def test_waiting_is_the_time_until_the_next_batch_is_there() -> None:
    clock = Clock()
    meter = Meter(0.0, lambda: 0.0, clock=clock)

    def batches():  # type: ignore[no-untyped-def]
        for number in range(2):
            clock.now += 1
            yield number

    for _ in meter.waiting_for(batches()):
        clock.now += 3
    assert meter.read()["waiting"] == pytest.approx(2 / 8)


def test_operations_are_counted_in_one_step_and_padding_is_no_use() -> None:
    clock, layer = Clock(), torch.nn.Linear(16, 32, bias=False)
    meter = Meter(1000.0, lambda: 0.0, clock=clock)
    for _ in range(5):
        with meter.counting(products=4):
            torch.autograd.backward(layer(torch.ones(4, 16, requires_grad=True)).sum())
        clock.now += 100
        meter.step(products=4, tokens=30, places=40)
    forward_and_both_gradients = 3 * 2 * 4 * 16 * 32
    used = forward_and_both_gradients / 100 * 0.75
    assert meter.read()["mfu"] == pytest.approx(used / 1000)


def test_every_number_is_explained() -> None:
    assert Meter(0.0, lambda: 0.0).read().keys() == MEANINGS.keys()
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in MEANINGS if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("name", "half", "single"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12, 67e12),
        ("NVIDIA H100 PCIe", 756e12, 51e12),
        ("NVIDIA H200", 989e12, 67e12),
        ("NVIDIA A100-SXM4-80GB", 312e12, 19.5e12),
        ("NVIDIA A10G", 0.0, 0.0),
        ("Tesla V100-SXM2-16GB", 0.0, 15.7e12),
        ("Some Other Card", 0.0, 0.0),
    ],
)
def test_a_peak_is_known_or_zero(name: str, half: float, single: float) -> None:
    assert (peak_flops(name, "bf16"), peak_flops(name, "fp32")) == (half, single)
    assert peak_of(torch.device("cpu"), "bf16") == 0
