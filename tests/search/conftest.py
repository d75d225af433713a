"""The same opened models as the evaluations have."""

from tests.evaluation.conftest import _one_thread, opened

__all__ = ["_one_thread", "opened"]
