"""What `torchrun` tells a process: its place among those that train together. No torch here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from k3m_kg.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ProcessPlace:
    """The place of this process.

    Attributes:
        rank: among all, from 0; the first one writes and speaks.
        size: how many there are, on all machines.
        local_rank: among those of this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None) -> ProcessPlace:
        """As torchrun's variables say; alone where there are none.

        Raises:
            ConfigError: some are missing, or no numbers.
        """
        found = os.environ if environment is None else environment
        if "WORLD_SIZE" not in found:
            return cls()
        numbers = []
        for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
            try:
                numbers.append(int(found[name]))
            except KeyError:
                raise _wrong(f"WORLD_SIZE is set and {name} is not") from None
            except ValueError:
                raise _wrong(f"{name} is no number: {found[name]!r}") from None
        place = cls(*numbers)
        if not (0 <= place.rank < place.size and 0 <= place.local_rank <= place.rank):
            raise _wrong(f"process {place.rank} of {place.size} cannot be")
        missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not found.get(name)]
        if place.size > 1 and missing:
            raise _wrong(f"WORLD_SIZE is {place.size} and {missing[0]} is not set")
        return place

    @property
    def first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0


def _wrong(what: str) -> ConfigError:
    return ConfigError(
        what,
        where="the environment",
        hint="start several processes with `torchrun --nproc-per-node N -m k3m_kg ...`, which "
        "sets it, or unset WORLD_SIZE",
    )
