"""RDF that is made to break a parser is read or refused: no crash, no traceback, no gigabytes."""

from __future__ import annotations

import sys

import pytest

from k3m_kg.workers.limits import Limits
from k3m_kg.workers.process import Task, working
from tests.processes import HANG

from .counts import START, count

COUNT = count(in_ci=30)
MEMORY = 768 << 20
"""A text of 16 MiB takes several times of it on its way."""


IN_ONE = 500
"""Attacks after each other in one process; an ingest reads one source in each."""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel enforces no limit of memory here")
def test_no_rdf_crashes_a_parser_or_takes_much_memory() -> None:
    done, refused = 0, 0
    for first in range(START, START + COUNT, IN_ONE):
        task = Task(
            "tests.attacks.reading",
            "read_attacks",
            {"first": first, "count": min(IN_ONE, START + COUNT - first)},
            what="the reading",
            where="here",
        )
        begun = -1
        try:
            with working(task, Limits(HANG, MEMORY)) as answers:
                for kind, content in answers:
                    if kind == "begun":
                        begun = content
                        answers.renew()
                    else:
                        done += 1
                        refused += isinstance(content, str)
        except Exception as error:
            raise AssertionError(f"attack {begun} ended its process: {error}") from error
    assert done == COUNT
    assert 0 < refused < COUNT
