"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import chromium
from tests.databases import _migrated_alike, database_url, postgresql_server
from tests.scratch import write_into_memory
from tests.started import started

__all__ = [
    "_migrated_alike",
    "chromium",
    "data_dir",
    "database_url",
    "postgresql_server",
    "started",
]

write_into_memory()

# How long an example takes, and how long it takes to make one, is for no test to judge. A hundred
# of each, Hypothesis's own number, took CI past its bound.
settings.register_profile(
    "timeless", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("timeless")


@pytest.fixture(scope="module", autouse=True)
def _collected() -> None:
    """What stays from module to module is not gone through again by every garbage collection.

    A worker holds a gigabyte after some thousand tests, and tests that collect do it by the
    hundred.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real catalogs, or a skip with a clear word."""
    default = Path(__file__).parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("K3M_KG_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real catalogs at {folder}: set K3M_KG_DATA")
    return folder
