from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from k3m_kg.use.open_model import OpenModel, open_model
from tests.evaluation.shop import trained


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small only get slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def opened() -> OpenModel:
    return open_model(trained(), None, device="cpu")


@pytest.fixture(scope="session")
def opened_by() -> Callable[[str], OpenModel]:
    """An artifact by how it encodes knowledge: `term` or `product`."""
    return lambda knowledge: open_model(trained(knowledge), None, device="cpu")
