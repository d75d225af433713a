"""How long work tells how far it is: one form of call-back each, for every room."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[int], None]
"""Told how many more items are done."""

Progress = Callable[[int, int], None]
"""Told how many items are done, and of how many."""

StageAdvance = Callable[[str, int], None]
"""Told a stage's name and how many more of its items are done."""

StageProgress = Callable[[str, int, int | None], None]
"""Told a stage's name, how many of its items are done, and of how many where that is known."""
