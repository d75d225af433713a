"""What a worker may take: seconds, and bytes of memory."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field

from k3m_kg.errors import UsageError

MOST_SECONDS = 1_000_000.0
"""Eleven days: what a timeout can be set to."""
UNLIMITED = 1 << 50
"""Bytes where nothing is to be bounded but by the machine: the work is ours, not another's."""
LEAST_MEMORY = 128 << 20
"""An interpreter with its libraries takes most of this before it works on anything."""
_MEMORY = 4 << 30
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?([kmgt]?)(?:i?b)?", re.IGNORECASE)


def default_memory() -> int:
    """4 GiB, or half of the machine's memory where that is less."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return _MEMORY
    return max(min(_MEMORY, machine // 2), LEAST_MEMORY) if machine > 0 else _MEMORY


def system_memory() -> int:
    """What the system lets a process of this one have, such as `ulimit -v`; `UNLIMITED`: any."""
    try:
        import resource
    except ImportError:
        return UNLIMITED
    numbers = [getattr(resource, name, None) for name in ("RLIMIT_AS", "RLIMIT_DATA")]
    allowed = [resource.getrlimit(number)[0] for number in numbers if number is not None]
    return min((limit for limit in allowed if limit != resource.RLIM_INFINITY), default=UNLIMITED)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one worker.

    Attributes:
        seconds: from its start, or from the last `Answers.renew`; None: no limit.
        memory: bytes of data that it may hold; what it answers may be a quarter of that. Enforced
            by the kernel (RLIMIT_DATA) on Linux. Others (macOS) take the number and do nothing.
        writes: bytes that it may write to one file: most work writes none, and answers go to a
            pipe.
    """

    seconds: float | None = None
    memory: int = field(default_factory=default_memory)
    writes: int = 1 << 20

    @property
    def answer(self) -> int:
        """Bytes that its answers may take where they are received."""
        return self.memory // 4


def seconds(value: str | float) -> float:
    """A timeout as someone wrote it.

    Raises:
        UsageError: it is no number of seconds between 0.01 and a million.
    """
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not 0.01 <= found <= MOST_SECONDS:
        raise UsageError(
            f"{value} is no time: give seconds, from 0.01 to {MOST_SECONDS:,.0f}", where="--timeout"
        )
    return found


def size(value: str | int, *, least: int = 1) -> int:
    """Bytes as someone wrote them: `2GiB`, `500M`, `1048576`; units are powers of 1,024.

    Raises:
        UsageError: it is no size, less than `least` or more than 1,024 TiB.
    """
    match = _SIZE.fullmatch(str(value).strip())
    found = int(float(match[1]) * (1 << _UNITS[match[2].lower()])) if match else -1
    if not least <= found <= 1 << 50:
        raise UsageError(f"{value} is no size of at least {shown(least)}, such as 2GiB or 500M")
    return found


def shown(count: int) -> str:
    """Bytes for people: `4 GiB`."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << shift:
            return f"{count / (1 << shift):.4g} {unit}"
    return f"{count} bytes"
