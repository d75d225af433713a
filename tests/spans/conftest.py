"""The catalog of brands, and a scorer that was fitted to it."""

from __future__ import annotations

import pytest

from k3m_kg.snapshot import Snapshot
from k3m_kg.spans.scoring import SpanScorer
from tests.spans.brands import brands_snapshot


@pytest.fixture(scope="session")
def brands(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return brands_snapshot(tmp_path_factory.mktemp("brands"))


@pytest.fixture(scope="session")
def scorer(brands: Snapshot) -> SpanScorer:
    return SpanScorer.fit(brands)
