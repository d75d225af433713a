"""Queries and shapes that take time, memory or stack end in an answer or one sentence.

The limits here are low; whatever the worker does, this process holds no more than the answer.
Workers are forked, so half a second is all work: the product's would take it to start Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyshacl
import pytest

from k3m_kg.errors import K3MError
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf import sparql_worker, validation_worker
from k3m_kg.rdf.sparql import query
from k3m_kg.rdf.validate import validate
from k3m_kg.records import ProductRecord
from k3m_kg.workers.limits import Limits
from tests.forked import forked_workers, most_memory
from tests.processes import HANG
from tests.rdf.conftest import state

from .counts import START, count
from .query_inputs import query_attack, shapes_attack

WORKERS = (sparql_worker, validation_worker, pyshacl)
"""What a worker imports: one that is forked has it, and its time goes into the attack."""
QUERIES = count(in_ci=6)
SHAPES = count(in_ci=2)
MANY = QUERIES > 100
"""Then what a worker may take is processor time, whatever else the machine does."""
LIMITS = Limits(seconds=HANG if MANY else 0.5, memory=300 << 20)
MAPPED = 100 << 20
"""Files that a worker maps, its libraries before all, are no data of its own."""
PRODUCTS = 60


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    url = f"sqlite:///{tmp_path_factory.mktemp('graph')}/g.db"
    with GraphStore.create(url)[0] as store:
        state(
            store,
            [
                ProductRecord(f"P{n}", f"t{'t' * n}", properties=(("colour", f"c{n % 7}"),))
                for n in range(PRODUCTS)
            ],
        )
        query(store, "ASK {}")
        most_memory[0] = 0
        with forked_workers(0.2 if MANY else 0.0):
            yield store
        assert most_memory[0] <= LIMITS.memory + MAPPED


def test_queries(store: GraphStore) -> None:
    answered = 0
    for number in range(START, START + QUERIES):
        try:
            query(store, query_attack(number), limits=LIMITS)
            answered += 1
        except K3MError:  # on a busy machine all of them may take too long
            pass
        except Exception as error:
            raise AssertionError(f"query {number}") from error
    assert answered < QUERIES
    assert query(store, "ASK { ?s ?p ?o }", limits=Limits(HANG)).boolean


def test_shapes(store: GraphStore, tmp_path: Path) -> None:
    path = tmp_path / "shapes.ttl"
    validated = 0
    store.close()  # a forked worker would wait for what SQLite here has open
    for number in range(START, START + SHAPES):
        path.write_text(shapes_attack(number), encoding="utf-8")
        try:
            validate(store, path, limits=LIMITS)
            validated += 1
        except K3MError:
            pass
        except Exception as error:
            raise AssertionError(f"shapes {number}") from error
    assert validated < SHAPES
