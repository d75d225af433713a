"""One copy to a device brings everything there as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from k3m_kg.contracts.packing import packed_to
from tests.second_device import DEVICE
from tests.stops import counted


class Pair(NamedTuple):
    first: Tensor
    second: Tensor | None


@dataclass(frozen=True, slots=True)
class Held:
    name: str
    numbers: Tensor
    inside: list[Any]


def tree() -> dict[str, Any]:
    shared = torch.arange(6).view(2, 3)
    return {
        "held": Held("x", torch.tensor([True, False, True]), [shared, 3, None]),
        "pair": Pair(torch.randn(3, 5).T, None),
        "halves": (torch.randn(7).half(), torch.zeros(0, 4, dtype=torch.int32)),
        "number": torch.tensor(2.5, dtype=torch.float64),
        "again": shared,
        "bytes": torch.arange(5, dtype=torch.uint8),
    }


def tensors(found: dict[str, Any]) -> list[Tensor]:
    return [
        found["held"].numbers,
        found["held"].inside[0],
        found["pair"].first,
        *found["halves"],
        found["number"],
        found["again"],
        found["bytes"],
    ]


def test_all_tensors_arrive_in_one_copy() -> None:
    before = tree()
    with counted() as stops:
        there = packed_to(before, DEVICE)
        assert stops.copies.total() == 1
        assert not stops.waits
        assert all(tensor.device == DEVICE for tensor in tensors(there))
        back = [tensor.cpu() for tensor in tensors(there)]
    for one, other in zip(back, tensors(before), strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    assert there["held"].name == "x"
    assert there["held"].inside[1:] == [3, None]
    assert there["held"].inside[0] is there["again"]
    assert there["pair"].second is None
    assert before["held"].numbers.device.type == "cpu"


def test_on_the_cpu_nothing_is_copied() -> None:
    before = tree()
    after = packed_to(before, torch.device("cpu"))
    assert all(one is other for one, other in zip(tensors(after), tensors(before), strict=True))
