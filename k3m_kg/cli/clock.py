"""When the command began: a budget of time counts what is imported before the work, too."""

from __future__ import annotations

import time

_began: float | None = None


def start() -> None:
    """The command begins."""
    global _began
    _began = time.monotonic()


def began() -> float | None:
    """When it began, by `time.monotonic`; None where no command line is at work."""
    return _began
