"""Which precision a trained model is used in."""

from __future__ import annotations

import pytest
import torch

from k3m_kg.engine.precision import Precision, computing, precision_of


@pytest.mark.parametrize(
    ("asked", "trained", "device", "used"),
    [
        ("auto", "bf16", "cuda", "bf16"),
        ("auto", "fp32", "cuda", "fp32"),
        ("auto", "bf16", "cpu", "fp32"),
        ("bf16", "fp32", "cpu", "bf16"),
        ("fp32", "bf16", "cuda", "fp32"),
    ],
)
def test_auto_is_that_of_training_on_a_gpu(
    asked: str, trained: Precision, device: str, used: str
) -> None:
    assert precision_of(asked, trained, torch.device(device)) == used


def test_matrix_products_are_in_bfloat16_and_weights_are_not() -> None:
    layer = torch.nn.Linear(2, 2)
    with computing("bf16", torch.device("cpu")):
        assert layer(torch.ones(1, 2)).dtype == torch.bfloat16
    with computing("fp32", torch.device("cpu")):
        assert layer(torch.ones(1, 2)).dtype == torch.float32
    assert layer.weight.dtype == torch.float32
