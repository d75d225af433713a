"""What torchrun's variables mean, and what is said of wrong ones."""

from __future__ import annotations

import pytest
import torch

from k3m_kg.engine.device import pick_device
from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.errors import ConfigError

TORCHRUN = {
    "RANK": "3",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "4",
    "MASTER_ADDR": "here",
    "MASTER_PORT": "1",
}


def test_nobody_else_is_there_without_torchrun() -> None:
    assert ProcessPlace.of({}) == ProcessPlace(0, 1, 0)
    assert ProcessPlace.of({}).first


def test_a_place_is_read() -> None:
    place = ProcessPlace.of(TORCHRUN)
    assert (place.rank, place.size, place.local_rank, place.first) == (3, 4, 1, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"RANK": None}, "RANK is not"),
        ({"RANK": "x"}, "RANK is no number: 'x'"),
        ({"RANK": "4"}, "process 4 of 4"),
        ({"RANK": "-1"}, "process -1 of 4"),
        ({"LOCAL_RANK": None}, "LOCAL_RANK is not"),
        ({"MASTER_PORT": None}, "MASTER_PORT is not"),
    ],
)
def test_a_wrong_environment_is_an_error(change: dict[str, str | None], message: str) -> None:
    changed = {k: v for k, v in (TORCHRUN | change).items() if v is not None}
    with pytest.raises(ConfigError, match=message) as error:
        ProcessPlace.of(changed)
    assert "torchrun" in str(error.value.hint)


def test_each_process_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "zeros", lambda *_, device: None)
    assert pick_device("auto", ProcessPlace(3, 4, 1)) == torch.device("cuda:1")
    assert pick_device("cuda") == torch.device("cuda")
    with pytest.raises(ConfigError, match="one GPU for 4 processes"):
        pick_device("cuda:0", ProcessPlace(3, 4, 1))
    with pytest.raises(ConfigError, match="2 GPUs here, and process 2"):
        pick_device("cuda", ProcessPlace(3, 4, 2))
