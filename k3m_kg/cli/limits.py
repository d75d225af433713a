"""Options that limit a worker: --timeout and --memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from k3m_kg.errors import UsageError

if TYPE_CHECKING:
    from k3m_kg.workers.limits import Limits

_T = TypeVar("_T")


def _checked(parse: Callable[[], _T]) -> _T:
    try:
        return parse()
    except UsageError as error:
        raise typer.BadParameter(error.message) from None


def _seconds(value: str | float) -> float:
    from k3m_kg.workers.limits import seconds

    return _checked(lambda: seconds(value))


def _memory(value: str | int) -> int:
    from k3m_kg.workers.limits import LEAST_MEMORY, size

    return _checked(lambda: size(value, least=LEAST_MEMORY))


TimeoutOption = Annotated[
    float, typer.Option(metavar="S", parser=_seconds, help="Stop it after that many seconds.")
]
MemoryOption = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        parser=_memory,
        envvar="K3M_KG_MEMORY",
        help="Memory of the process that works on it, such as 2GiB.  "
        "[default: 4GiB, or half of the machine's]",
    ),
]


def limits_of(timeout: float | None, memory: int | None) -> Limits:
    """The limits that the options ask for."""
    from k3m_kg.workers.limits import Limits

    return Limits(timeout) if memory is None else Limits(timeout, memory)
