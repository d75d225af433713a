from __future__ import annotations

import pytest
import torch

from k3m_kg.training.loop.pending import Pending
from tests.second_device import DEVICE
from tests.stops import counted


def test_the_numbers_of_many_steps_are_waited_for_once() -> None:
    pending = Pending()
    with counted() as stops:
        for step in range(5):
            loss = torch.tensor(step + 0.25, dtype=torch.float64).to(DEVICE)
            share = torch.tensor(step % 2 == 0)
            pending.add(step, {"loss": loss, "share": share.float()} if step else {})
        stops.waits.clear()
        assert len(pending) == 5
        found = pending.take()
        assert stops.waits.total() == 1, stops
    assert not len(pending)
    assert [step for step, _ in found] == list(range(5))
    assert found[0][1] == {}
    assert [values["loss"] for _, values in found[1:]] == pytest.approx([1.25, 2.25, 3.25, 4.25])
    assert [values["share"] for _, values in found[1:]] == [0, 1, 0, 1]
