"""The processes that train together: who is first, and what all must agree on.

Decisions and waiting go through gloo, between processors, whatever the device: nobody's GPU is
waited for. Gradients go through NCCL where the model is on GPUs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.errors import ConfigError, K3MError

_PATIENCE = timedelta(days=1)
"""How long others wait for the first, which may prepare pictures for hours. The death of a process
is noticed by torchrun, at once."""


_OF_OTHERS = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")
"""Of what the errors speak that torch raises where another process is gone."""


class LostProcessError(K3MError):
    """Another process of the training has ended, and so must this one."""


class Processes:
    """This process and those that train with it; alone, all of this costs nothing."""

    def __init__(self, place: ProcessPlace) -> None:
        self.place = place
        self.rank, self.size = place.rank, place.size

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, speaks and decides."""
        return self.place.first

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def wait(self) -> None:
        """Until all have come here."""
        self.agree([0.0])

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """The block, in the first process before all others: they find what it prepared."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def agree(self, values: Sequence[float]) -> list[float]:
        """The numbers of the first process, for all."""
        if not self.several:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64)
        dist.broadcast(shared, 0)
        return shared.tolist()

    def tell(self, text: str) -> str:
        """The text of the first process, for all."""
        if not self.several:
            return text
        shared = [text]
        dist.broadcast_object_list(shared, 0)
        return shared[0]

    def sums(self, values: dict[str, float]) -> dict[str, float]:
        """The sum over all processes of each number by name; not all need have all names."""
        if not self.several:
            return values
        every: list[dict[str, float] | None] = [None] * self.size
        dist.all_gather_object(every, values)
        found: dict[str, float] = {}
        for one in every:
            for name, value in (one or {}).items():
                found[name] = found.get(name, 0.0) + value
        return found

    def add_up(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place; it stays on its device."""
        if self.several:
            dist.all_reduce(tensor)
        return tensor


@contextmanager
def joined(place: ProcessPlace, device: torch.device | None = None) -> Iterator[Processes]:
    """The processes that `torchrun` started, connected; alone there is nothing to connect.

    Args:
        place: of this one.
        device: of the tensors that they share; None where they share none.

    Raises:
        ConfigError: they do not find each other.
    """
    if place.size == 1 or dist.is_initialized():
        yield Processes(place)
        return
    on_gpu = device is not None and device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    try:
        dist.init_process_group(backend, timeout=_PATIENCE, rank=place.rank, world_size=place.size)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"process {place.rank} of {place.size} found no others: {reason}",
            where="the environment",
            hint="MASTER_ADDR and MASTER_PORT name the machine of the first",
        ) from None
    processes = Processes(place)
    try:
        yield processes  # where this fails the process ends, and torchrun ends the others
        processes.wait()
    except RuntimeError as error:
        if not any(word in str(error).lower() for word in _OF_OTHERS):
            raise
        raise LostProcessError(
            f"process {place.rank} of {place.size}: another process has ended",
            hint="what went wrong there is said there",
        ) from error
    dist.destroy_process_group()
