"""Which device a model runs on. Nobody imports a training loop for it."""

from __future__ import annotations

import torch

from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.errors import ConfigError


def pick_device(name: str, place: ProcessPlace | None = None) -> torch.device:
    """`auto` is a GPU where there is one.

    Args:
        name: of a device, or `auto`.
        place: of this process among several on a machine, each of which takes a GPU of its own.

    Raises:
        ConfigError: no such device here, or fewer than processes.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if place is not None and place.size > 1 and name.startswith("cuda"):
        name = _own_gpu(name, place)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"no device {name!r} here: {reason}", where="training.device") from None
    return device


def _own_gpu(name: str, place: ProcessPlace) -> str:
    if name != "cuda":
        raise ConfigError(
            f"{name!r} is one GPU for {place.size} processes",
            where="training.device",
            hint="set auto or cuda: each process takes its own",
        )
    count = torch.cuda.device_count()
    if place.local_rank >= count:
        raise ConfigError(
            f"{count} GPUs here, and process {place.local_rank} of this machine wants one",
            where="training.device",
            hint=f"torchrun --nproc-per-node {count}",
        )
    return f"cuda:{place.local_rank}"
