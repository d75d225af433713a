"""A shop of families, as alignment has it."""

from tests.evaluations.conftest import _one_thread, families, opened

__all__ = ["_one_thread", "families", "opened"]
