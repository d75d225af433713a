"""How much answers take where they are received, so that they are bounded before they are sent."""

from __future__ import annotations

from typing import Any

from k3m_kg.errors import K3MError
from k3m_kg.workers.limits import shown

_OBJECT = 150
"""Bytes of a small object with its place in a container, about."""


class Account:
    """Counts what is sent.

    Args:
        limit: bytes, see `Limits.answer`.
        what: what messages call the answer, such as "the answer".
        where: the place that errors name.
        hint: what to do if it is too large.
    """

    def __init__(self, limit: int, *, what: str, where: str, hint: str) -> None:
        self._limit = self._left = limit
        self._what = what
        self._where = where
        self._hint = hint

    def take(self, *values: Any) -> None:
        """Count texts, and containers of them.

        Raises:
            K3MError: it is too much by now.
        """
        self._left -= sum(map(_cost, values))
        if self._left < 0:
            raise K3MError(
                f"{self._what} takes more than {shown(self._limit)}, a quarter of its memory limit",
                where=self._where,
                hint=self._hint,
            )


def _cost(value: Any) -> int:
    if isinstance(value, str):
        return _OBJECT + 2 * len(value)
    if isinstance(value, dict):
        return 2 * _OBJECT + sum(map(_cost, value.values()))
    if isinstance(value, (list, tuple)):
        return _OBJECT + sum(map(_cost, value))
    return _OBJECT
