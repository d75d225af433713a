"""Which device a model runs on. Nobody imports a training loop for it."""

from __future__ import annotations

import torch

from k3m_kg.errors import ConfigError


def pick_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one.

    Raises:
        ConfigError: no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"no device {name!r} here: {reason}", where="training.device") from None
    return device
