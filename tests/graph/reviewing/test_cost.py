"""What a request of a reviewer costs: few statements, however much waits and was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.serve.browse.kept import graph_stamp

MORE = 3000
MANY_RUNS = f"""
    WITH RECURSIVE some(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM some WHERE n < {MORE})
    INSERT INTO ingest_runs (source, kind, format, content_hash, started_at, products_read,
        products_added, products_updated, products_unchanged, products_removed, rows_repeated,
        rows_quarantined, triples_added, triples_removed, images_found, images_failed,
        images_not_local)
    SELECT (SELECT id FROM sources WHERE name = 'review:bob'), 'decision', 'accept', '', '',
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM some
"""


class Meter:
    """Counts statements, and hundreds of instructions of SQLite's machine."""

    def __init__(self, store: GraphStore) -> None:
        self.statements = self.steps = 0
        event.listen(store._engine, "before_cursor_execute", self._state)
        event.listen(store._engine, "checkout", self._watch)

    def _state(self, *_: Any) -> None:
        self.statements += 1

    def _watch(self, connection: Any, *_: Any) -> None:
        connection.set_progress_handler(self._step, 100)

    def _step(self) -> int:
        self.steps += 1
        return 0

    def of(self, action: Callable[[], Any]) -> tuple[int, int]:
        """Statements and steps of an action."""
        self.statements = self.steps = 0
        action()
        return self.statements, self.steps


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with GraphStore.create(f"sqlite:///{tmp_path}/graph.db")[0] as store:
        yield store


def queue(store: GraphStore, desk: ReviewDesk, source: str, count: int) -> None:
    """So many products of a source, and a proposal of each."""
    ids = [f"{source}{n}" for n in range(count)]
    with store.writing() as writer:
        session = writer.session(SourceVersion(source, "test", ""), lambda images: [])
        pairs = (("colour", "red"), ("size", "42"))
        session.write([Statement(ProductRecord(id_, id_, None, (), pairs)) for id_ in ids])
        session.finish(0)
    desk.add("model", [ReviewOffer(id_, "fit", "slim", 0.5) for id_ in ids])


def test_counting_looks_at_no_decision(store: GraphStore) -> None:
    desk = ReviewDesk(store, random_share=0.0)
    meter = Meter(store)
    queue(store, desk, "a", 200)
    steps = []
    for answer in (DecidedAs.SKIP, DecidedAs.ACCEPT, DecidedAs.REJECT):
        desk.decide("ann", [item.id for item in desk.next("ann", 60)], answer)
        statements, more = meter.of(desk.counts)
        assert statements == 1
        steps.append(more)
    assert max(steps) <= 1.1 * steps[0] + 2


def test_what_was_skipped_is_passed_in_one_step_each(store: GraphStore) -> None:
    desk = ReviewDesk(store, random_share=0.0)
    meter = Meter(store)
    queue(store, desk, "a", 500)
    steps = []
    for count in (100, 300):
        desk.decide("ann", [item.id for item in desk.next("ann", count)], DecidedAs.SKIP)
        steps.append(meter.of(lambda: desk.next("ann"))[1])
        desk.release("ann", [item.id for item in desk.next("ann")])
    assert steps[1] < 6 * max(1, steps[0])


def test_requests_cost_no_more_when_much_waits_and_much_was_decided(store: GraphStore) -> None:
    desk = ReviewDesk(store, random_share=0.0)
    meter = Meter(store)

    def measured() -> dict[str, tuple[int, int]]:
        found = {"next": meter.of(lambda: desk.next("ann"))}
        (item,) = desk.next("ann")
        found["decide"] = meter.of(lambda: desk.decide("ann", [item.id], DecidedAs.ACCEPT))
        found["origins"] = meter.of(lambda: store.origins(item.product))
        found["undo"] = meter.of(lambda: desk.undo("ann"))
        with store.reading() as reader:
            found["changed?"] = meter.of(lambda: graph_stamp(reader))
        desk.decide("ann", [item.id], DecidedAs.REJECT)
        return found

    queue(store, desk, "a", 30)
    (item,) = desk.next("bob")
    desk.decide("bob", [item.id], DecidedAs.ACCEPT)
    measured()  # the first time he is new
    before = measured()
    queue(store, desk, "b", MORE)
    with store.writing() as writer:
        writer.connection.execute(text(MANY_RUNS))
    after = measured()
    for kind, most in (("next", 6), ("decide", 14), ("origins", 5), ("undo", 19), ("changed?", 1)):
        assert after[kind][0] == before[kind][0] <= most, kind
        assert after[kind][1] <= before[kind][1] + 20, (kind, before[kind], after[kind])
