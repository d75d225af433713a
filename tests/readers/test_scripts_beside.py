"""What the benchmark of readers measures beside them gives the same products."""

from __future__ import annotations

import pytest

from benchmarks._reader_sources import SOURCES, TABLE
from benchmarks.reader_scripts import SCRIPTS
from benchmarks.readers import see_same


@pytest.mark.parametrize("name", [*SOURCES, *TABLE])
def test_a_script_gives_what_the_reader_does(name: str) -> None:
    assert name in SCRIPTS
    see_same(name)
