"""The same opened models as the evaluations have."""

from tests.evaluation.conftest import _one_thread, opened, opened_by

__all__ = ["_one_thread", "opened", "opened_by"]
