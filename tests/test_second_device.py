"""The second device fails where a GPU would, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.second_device import DEVICE, DeviceMixError, SecondDevice


def there(*shape: int) -> torch.Tensor:
    return torch.ones(*shape).to(DEVICE)


@pytest.mark.parametrize(
    "mix",
    [
        lambda: there(3) + torch.ones(3),
        lambda: torch.arange(9)[there(2).long()],
        lambda: torch.where(there(3) > 0, torch.ones(3), there(3)),
        lambda: torch.nn.Linear(3, 2)(there(4, 3)),
        lambda: torch.nn.functional.embedding(torch.tensor([1]), there(3, 2)),
        lambda: torch.cat([there(2), torch.ones(2)]),
        lambda: torch.randint(3, (2,), generator=torch.Generator(), device=DEVICE),
    ],
)
def test_mixing_devices_fails(mix: Callable[[], object]) -> None:
    with SecondDevice(), pytest.raises(DeviceMixError):
        mix()


def test_numpy_does_not_reach_there() -> None:
    with SecondDevice(), pytest.raises(RuntimeError, match="numpy"):
        there(3).numpy()


def test_what_a_gpu_allows_works_and_holds_real_numbers() -> None:
    with SecondDevice():
        x = torch.tensor([3.0, 1.0, 1.0], device=DEVICE)
        assert x.device == DEVICE
        assert float((x * torch.tensor(2.0)).sum()) == 10
        assert x.unique().tolist() == [1, 3]
        assert x[torch.tensor([0])].device == DEVICE
        assert x.new_tensor([5.0]).device == DEVICE
        x[torch.tensor([1], device=DEVICE)] = 7
        assert x.cpu().numpy().tolist() == [3, 7, 1]
        assert torch.equal(x.to("cpu").to(DEVICE).cpu(), x.cpu())


def test_training_there_gives_the_numbers_of_here() -> None:
    found = []
    for device in (torch.device("cpu"), DEVICE):
        with SecondDevice():
            torch.manual_seed(0)
            model = torch.nn.Sequential(
                torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1)
            )
            model.to(device)
            optimizer = torch.optim.AdamW(model.parameters())
            for _ in range(3):
                optimizer.zero_grad()
                model(torch.ones(2, 3, device=device)).square().sum().backward()
                optimizer.step()
            found.append([parameter.detach().cpu() for parameter in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
