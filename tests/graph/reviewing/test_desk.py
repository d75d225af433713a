"""What people decide: durable, one item for one reviewer, a run each, and never asked again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection

from k3m_kg.errors import GraphError, UsageError
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import (
    DecidedAs,
    QueueCount,
    ReviewConflict,
    ReviewOffer,
    ReviewOrder,
)
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import (
    ProposedCategory,
    ProposedTriple,
    SourceVersion,
    Statement,
    SubjectDiff,
)
from k3m_kg.graph.tables import ItemKind, Judgement
from k3m_kg.graph.writing.writer import GraphWriter
from k3m_kg.records import ProductRecord, Subject

RED, BLUE = ("colour", "red"), ("colour", "blue")


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(database_url: str) -> Iterator[GraphStore]:
    with GraphStore.create(database_url)[0] as store:
        yield store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(store: GraphStore, clock: Clock) -> ReviewDesk:
    return ReviewDesk(store, clock=clock, random_share=0.0)


def product(id_: str, *pairs: tuple[str, str], category: str | None = None) -> ProductRecord:
    return ProductRecord(id_, f"title of {id_}", category, (), pairs)


def state(store: GraphStore, *records: Subject, source: str = "a") -> int:
    with store.writing() as writer:
        version = SourceVersion(source, "test", str(hash(records)))
        session = writer.session(version, lambda images: [])
        session.write([Statement(record) for record in records])
        session.finish(0)
        return session.run


def triples(store: GraphStore, id_: str = "p") -> tuple[tuple[str, str], ...]:
    found = store.product(id_)
    assert found is not None
    return found.triples


def propose(desk: ReviewDesk, *offers: tuple[str, str, str, float]) -> None:
    desk.add("model", [ReviewOffer(*offer) for offer in offers])


def doubt(desk: ReviewDesk, id_: str, name: str, stated: str, better: str) -> None:
    desk.add("model", [ReviewOffer(id_, name, better, 0.9, stated=stated)])


def decide(desk: ReviewDesk, answer: str, value: str | None = None, reviewer: str = "ann") -> int:
    """Decide the next item; the run."""
    (item,) = desk.next(reviewer)
    return desk.decide(reviewer, [item.id], DecidedAs(answer), value).run


def test_accepted_shows_with_its_run_and_goes_with_its_undo(
    store: GraphStore, desk: ReviewDesk
) -> None:
    state(store, product("p", BLUE))
    propose(desk, ("p", "size", "42", 0.8))
    (item,) = desk.next("ann")
    assert (item.product, item.property, item.value, item.probability) == ("p", "size", "42", 0.8)
    assert (item.kind, item.model, item.stated) == (ItemKind.PROPOSAL, "model", None)
    run = desk.decide("ann", [item.id], DecidedAs.ACCEPT).run
    assert triples(store) == (BLUE, ("size", "42"))
    kept = store.run(run)
    assert (kept.kind, kept.source, kept.format) == ("decision", "review:ann", "accept")
    assert (kept.counts.triples_added, kept.counts.products_updated) == (1, 1)
    assert list(store.diff(run)) == [
        SubjectDiff("product", "p", "decided", triples_added=(("size", "42"),))
    ]
    assert desk.next("ann") == []
    with store.writing() as writer:
        assert writer.undo(run).triples_removed == 1
    assert triples(store) == (BLUE,)
    assert [again.id for again in desk.next("ann")] == [item.id]


def test_rejected_is_never_proposed_again_by_anybody(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p"), product("q"))
    propose(desk, ("p", "size", "42", 0.8))
    run = decide(desk, "reject")
    assert list(store.diff(run)) == [
        SubjectDiff("product", "p", "decided", triples_rejected=(("size", "42"),))
    ]
    assert desk.judgements() == [("p", "size", "42", Judgement.WRONG)]
    again = desk.add("other", [ReviewOffer("p", "size", "42", 0.99)])
    assert (again.added, again.decided) == (0, 1)
    with store.writing() as writer:
        offered = [ProposedTriple(id_, "size", "42", 0.99) for id_ in "pq"]
        written = writer.propose("other", offered)
    assert (triples(store), triples(store, "q")) == ((), (("size", "42"),))
    assert store.run(written).counts.triples_added == 1
    # another value is another proposal, and what a source states is no proposal
    assert desk.add("other", [ReviewOffer("p", "size", "43", 0.9)]).added == 1
    state(store, product("p", ("size", "42")), product("q"))
    assert triples(store) == (("size", "42"),)


def test_a_proposal_that_was_written_goes_when_it_is_rejected(
    store: GraphStore, desk: ReviewDesk
) -> None:
    state(store, product("p"))
    with store.writing() as writer:
        writer.propose("model", [ProposedTriple("p", "size", "42", 0.99)])
    propose(desk, ("p", "size", "42", 0.99))
    run = decide(desk, "correct", "43")
    assert triples(store) == (("size", "43"),)
    with store.writing() as writer:
        writer.undo(run)
    assert triples(store) == (("size", "42"),)


def test_a_finding_that_is_accepted_hides_what_sources_state_until_its_undo(
    store: GraphStore, desk: ReviewDesk
) -> None:
    record = product("p", RED, ("size", "42"), category="shirts")
    first = state(store, record)
    doubt(desk, "p", "colour", "red", "blue")
    run = decide(desk, "accept")
    assert triples(store) == (("size", "42"), BLUE)
    assert list(store.diff(run)) == [
        SubjectDiff("product", "p", "decided", triples_added=(BLUE,), triples_removed=(RED,))
    ]
    assert [change.triples_added for change in store.diff(first)] == [(RED, ("size", "42"))]
    # the source says it again, with something new: what is hidden stays hidden
    state(store, record)
    state(store, product("p", RED, ("size", "43"), category="shirts"))
    assert triples(store) == (("size", "43"), BLUE)
    with store.writing() as writer:
        writer.undo(run)
    assert triples(store) == (RED, ("size", "43"))
    found = store.product("p")
    assert found is not None
    assert (found.title, found.category) == ("title of p", "shirts")


def test_a_finding_that_is_rejected_is_not_found_again(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p", RED))
    doubt(desk, "p", "colour", "red", "blue")
    run = decide(desk, "reject")
    assert triples(store) == (RED,)
    (change,) = store.diff(run)
    assert (change.triples_confirmed, change.triples_rejected) == ((RED,), (BLUE,))
    offer = ReviewOffer("p", "colour", "green", 0.9, stated="red")
    assert desk.add("model", [offer]).decided == 1
    assert desk.judgements() == [
        ("p", "colour", "blue", Judgement.WRONG),
        ("p", "colour", "red", Judgement.RIGHT),
    ]


def test_a_decision_outlives_the_source_that_ends_and_comes_back(
    store: GraphStore, desk: ReviewDesk
) -> None:
    state(store, product("p", RED))
    state(store, product("p", ("size", "42")), source="b")
    doubt(desk, "p", "colour", "red", "blue")
    decide(desk, "correct", "green")
    with store.writing() as writer:
        ended, _ = writer.end("a")
    assert triples(store) == (("size", "42"), ("colour", "green"))
    with store.writing() as writer:
        writer.undo(ended)
    assert triples(store) == (("size", "42"), ("colour", "green"))


def test_categories_are_decided_too(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p"), product("q"), product("r", category="mugs"))
    with store.writing() as writer:
        writer.propose("model", [ProposedCategory("q", "coats", 0.9)])
    offers = [ReviewOffer(id_, None, "coats", 0.9) for id_ in "pqr"]
    assert (found := desk.add("model", offers)).added == 2
    assert found.stated == 1
    (item,) = desk.next("ann", property="category")
    runs = [desk.decide("ann", [item.id], DecidedAs.CORRECT, "shirts").run]
    (other,) = desk.next("ann")
    runs.append(desk.decide("ann", [other.id], DecidedAs.REJECT).run)
    asked = {item.product: "shirts", other.product: None}

    def categories() -> dict[str, str | None]:
        return {one.id: one.category for one in store.iter_products()}

    assert categories() == asked | {"r": "mugs"}
    for id_, wanted in asked.items():
        single = store.product(id_)
        assert single is not None
        assert single.category == wanted
    with store.writing() as writer:
        writer.propose("again", [ProposedCategory("q", "coats", 0.9)])
        for run in runs:
            writer.undo(run)
    assert categories() == {"p": None, "q": "coats", "r": "mugs"}


def test_two_reviewers_never_have_the_same_item(
    store: GraphStore, desk: ReviewDesk, clock: Clock
) -> None:
    state(store, *(product(f"p{n}") for n in range(6)))
    propose(desk, *((f"p{n}", "size", "42", 0.4 + n / 100) for n in range(6)))
    ann, bob = desk.next("ann", 2), desk.next("bob", 2)
    assert len({item.id for item in [*ann, *bob]}) == 4
    assert desk.next("ann", 2) == ann, "what he has already comes first"
    assert {i.id for i in desk.next("ann", 2, having=[i.id for i in ann])}.isdisjoint(
        {i.id for i in [*ann, *bob]}
    )
    with pytest.raises(ReviewConflict):
        desk.decide("bob", [ann[0].id], DecidedAs.ACCEPT)
    clock.now += 601
    taken = desk.next("bob", 6)
    assert ann[0].id in {item.id for item in taken}, "a lease is over"
    with pytest.raises(ReviewConflict):
        desk.decide("ann", [ann[0].id], DecidedAs.ACCEPT)
    desk.release("bob", [ann[0].id])
    desk.decide("ann", [ann[0].id], DecidedAs.ACCEPT)
    with pytest.raises(ReviewConflict):
        desk.decide("bob", [ann[0].id], DecidedAs.REJECT)


def test_a_second_opinion_is_asked_for_and_the_newest_holds(
    store: GraphStore, desk: ReviewDesk
) -> None:
    state(store, product("p"), product("q"))
    propose(desk, ("p", "size", "42", 0.5), ("q", "size", "42", 0.6))
    for _ in range(2):
        decide(desk, "accept")
    assert desk.next("ann", again=True) == []
    first, second = desk.next("bob", 2, again=True)
    desk.decide("bob", [first.id], DecidedAs.ACCEPT)
    run = desk.decide("bob", [second.id], DecidedAs.REJECT).run
    assert desk.agreement() == (2, 1)
    assert triples(store, second.product) == ()
    assert desk.next("eve", again=True) == [], "two are enough"
    with store.writing() as writer:
        writer.undo(run)
    assert triples(store, second.product) == (("size", "42"),)
    assert desk.next("ann") == [], "the first decision holds still"


def test_the_same_answer_again_is_no_second_decision(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p"))
    propose(desk, ("p", "size", "42", 0.5))
    (item,) = desk.next("ann")
    first = desk.decide("ann", [item.id], DecidedAs.CORRECT, "43")
    again = desk.decide("ann", [item.id], DecidedAs.CORRECT, "43")
    assert (again.run, again.repeated) == (first.run, True)
    assert len(desk.decided()) == 1
    with pytest.raises(ReviewConflict):
        desk.decide("ann", [item.id], DecidedAs.REJECT)


def test_skipped_goes_to_others(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p"))
    propose(desk, ("p", "size", "42", 0.5))
    run = decide(desk, "skip")
    assert desk.next("ann") == []
    (item,) = desk.next("bob")
    assert list(store.diff(run)) == []
    undone, items = desk.undo("ann")
    assert (undone.run, items) == (run, ()), "bob has it by now"
    assert desk.next("ann") == []
    assert [one.id for one in desk.next("bob")] == [item.id]
    desk.release("bob", [item.id])
    assert [one.id for one in desk.next("ann")] == [item.id]


def test_undo_gives_the_item_back_to_the_one_who_decided(
    store: GraphStore, desk: ReviewDesk
) -> None:
    state(store, product("p"), product("q"))
    propose(desk, ("p", "size", "42", 0.5), ("q", "size", "42", 0.6))
    decide(desk, "accept")
    decide(desk, "reject")
    desk.next("bob")
    _, (item,) = desk.undo("ann")
    assert [found.id for found in desk.next("ann")] == [item]
    desk.undo("ann")
    assert triples(store) == ()
    with pytest.raises(GraphError, match="decided nothing"):
        desk.undo("ann")


def test_equal_cases_are_one_run(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, *(product(f"p{n}") for n in range(5)))
    propose(desk, *((f"p{n}", "size", "42" if n < 4 else "43", 0.5 + n / 10) for n in range(5)))
    (item,) = desk.next("ann")
    (other,) = desk.next("bob")
    equal = desk.equal(item.id, "ann")
    assert {one.value for one in equal} == {"42"}
    assert equal[0].id == item.id
    assert other.id not in {one.id for one in equal}
    ids = [*(one.id for one in equal), other.id]
    decided = desk.decide("ann", ids, DecidedAs.ACCEPT)
    assert (len(decided.items), decided.left_out) == (3, (other.id,))
    assert store.run(decided.run).counts.triples_added == 3
    assert len(list(store.diff(decided.run))) == 3
    with store.writing() as writer:
        writer.undo(decided.run)
    assert len(desk.next("ann", 9)) == 4


def test_orders(store: GraphStore, clock: Clock) -> None:
    state(store, *(product(f"p{n}", RED) for n in range(4)))
    offers = [
        ReviewOffer(f"p{n}", "size", "42", chance, worth=worth)
        for n, (chance, worth) in enumerate([(0.9, 0.1), (0.45, 0.2), (0.1, 0.7), (0.7, 0.3)])
    ]
    offers.append(ReviewOffer("p0", "colour", "blue", 0.97, stated="red", worth=0.9))

    def products(reviewer: str, **asked: object) -> list[str]:
        desk = ReviewDesk(store, clock=clock, random_share=0.0)
        found = desk.next(reviewer, 9, **asked)  # type: ignore[arg-type]
        desk.release(reviewer, [item.id for item in found])
        return [item.product for item in found]

    ReviewDesk(store, clock=clock).add("model", offers)
    assert products("a") == ["p1", "p3", "p2", "p0", "p0"]
    assert products("a", order=ReviewOrder.WORTH) == ["p0", "p2", "p3", "p1", "p0"]
    assert products("a", order=ReviewOrder.WORTH, property="size") == ["p2", "p3", "p1", "p0"]
    assert products("a", kind=ItemKind.FINDING) == ["p0"]
    by_property = {"order": ReviewOrder.PROPERTY}
    assert products("a", **by_property) == ["p0", "p1", "p3", "p2", "p0"], "colour, then size"
    assert products("a", **by_property, kind=ItemKind.PROPOSAL) == ["p1", "p3", "p2", "p0"]
    assert products("a", **by_property, property="size") == ["p1", "p3", "p2", "p0"]
    first = ReviewDesk(store, clock=clock, random_share=0.0).next(
        "c", 1, order=ReviewOrder.PROPERTY
    )
    assert products("d", **by_property)[0] == "p1", "the only one of colour is another's"
    ReviewDesk(store, clock=clock).release("c", [item.id for item in first])
    by_lot = products("a", order=ReviewOrder.RANDOM)
    assert products("b", order=ReviewOrder.RANDOM) == by_lot
    drawing = ReviewDesk(store, clock=clock, random_share=0.1, draw=iter([0.5, 0.05]).__next__)
    certain, drawn = drawing.next("c", 2)
    assert (certain.product, certain.drawn, drawn.drawn) == ("p1", False, True)
    with pytest.raises(UsageError, match=r"unknown property 'colr'.*size"):
        drawing.next("c", property="colr")


def test_what_sources_state_and_what_is_open_is_not_asked_twice(
    store: GraphStore, desk: ReviewDesk, clock: Clock
) -> None:
    state(store, product("p", RED), product("q"))
    propose(desk, ("q", "size", "42", 0.5))
    found = desk.add("model", [ReviewOffer("p", "colour", "blue", 0.9)])
    assert (found.added, found.stated) == (0, 1)
    found = desk.add("model", [ReviewOffer("p", "colour", "blue", 0.9, stated="green")])
    assert (found.added, found.stated) == (0, 1)
    found = desk.add("newer", [ReviewOffer("q", "size", "43", 0.7, details={"why": "title"})])
    assert (found.added, found.renewed) == (0, 1)
    (item,) = desk.next("ann")
    assert (item.value, item.model, item.details) == ("43", "newer", {"why": "title"})
    found = desk.add("newest", [ReviewOffer("q", "size", "44", 0.7)])
    assert (found.added, found.renewed) == (0, 0), "somebody looks at it"
    clock.now += 601
    assert desk.add("newest", [ReviewOffer("q", "size", "44", 0.7)]).renewed == 1


def test_a_proposal_in_the_place_of_a_placeholder_is_asked_and_takes_it(
    store: GraphStore, desk: ReviewDesk
) -> None:
    state(store, *(product(id_, ("colour", "n/a"), ("size", "42")) for id_ in "pqr"))
    found = desk.add("model", [ReviewOffer(id_, "colour", "red", 0.9) for id_ in "pqr"])
    assert (found.added, found.stated, found.decided, found.unsaid) == (3, 0, 0, 3)
    items = {item.product: item.id for item in desk.next("ann", 3)}
    run = desk.decide("ann", [items["p"]], DecidedAs.ACCEPT).run
    desk.decide("ann", [items["q"]], DecidedAs.REJECT)
    desk.decide("ann", [items["r"]], DecidedAs.CORRECT, "blue")
    shown = {one.id: set(one.triples) for one in store.iter_products()}
    assert shown == {
        "p": {("size", "42"), ("colour", "red")},
        "q": {("size", "42"), ("colour", "n/a")},
        "r": {("size", "42"), ("colour", "blue")},
    }
    with store.writing() as writer:
        writer.undo(run)
    assert ("colour", "n/a") in {one.id: one.triples for one in store.iter_products()}["p"]


def test_what_a_model_wrote_is_asked_and_counted(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p"), product("q"))
    with store.writing() as writer:
        writer.propose("model", [ProposedTriple("p", "colour", "red", 0.99)])
    found = desk.add("model", [ReviewOffer(id_, "colour", "red", 0.9) for id_ in "pq"])
    assert (found.added, found.written, found.unsaid) == (2, 1, 0)


def test_reasons_stay_where_the_same_model_proposes_the_same_again(
    store: GraphStore, desk: ReviewDesk
) -> None:
    state(store, product("p", ("size", "42")), product("q"))
    why = {"explanation": {"parts": []}, "applies": 0.6}
    desk.add("model", [ReviewOffer("q", "size", "43", 0.7, details=why)])
    desk.add("model", [ReviewOffer("q", "size", "43", 0.8, details={"applies": 0.7})])
    (item,) = desk.next("ann", property="size")
    assert (item.probability, dict(item.details)) == (0.8, why | {"applies": 0.7})
    desk.release("ann", [item.id])
    desk.add("model", [ReviewOffer("q", "size", "44", 0.8, details={"applies": 0.7})])
    (item,) = desk.next("ann", property="size")
    assert dict(item.details) == {"applies": 0.7}, "reasons of another value"


def test_counts_follow_the_newest_answer_that_holds(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p"), product("q"), product("r"))
    propose(desk, *((id_, "size", "42", 0.5) for id_ in "pqr"))

    def counted() -> tuple[int, int, int, int]:
        (row,) = desk.counts()
        shares = [share.right for share in desk.shares()]
        assert shares.count(None) == row.open
        assert shares.count(True) == row.accepted
        return row.open, row.accepted, row.rejected, row.corrected

    assert counted() == (3, 0, 0, 0)
    decide(desk, "skip")
    assert counted() == (3, 0, 0, 0)
    first = decide(desk, "accept")
    assert counted() == (2, 1, 0, 0)
    (item,) = desk.next("bob", again=True)
    second = desk.decide("bob", [item.id], DecidedAs.REJECT).run
    assert counted() == (2, 0, 1, 0)
    for run, left in ((second, (2, 1, 0, 0)), (first, (3, 0, 0, 0))):
        with store.writing() as writer:
            writer.undo(run)
        assert counted() == left
    state(store, product("s"), source="b")
    desk.add("model", [ReviewOffer("s", None, "shirts", 0.5)])
    assert [(row.property, row.open) for row in desk.counts()] == [("category", 1), ("size", 3)]


def test_counts_and_completion_of_values(store: GraphStore, desk: ReviewDesk) -> None:
    pairs = [("size", size) for size in ("42", "42", "43", "4_2")]
    state(
        store, *(product(f"s{n}", pair) for n, pair in enumerate(pairs)), product("p"), product("q")
    )
    propose(desk, ("p", "size", "42", 0.5), ("q", "size", "43", 0.6))
    decide(desk, "correct", "44")
    assert desk.counts() == [QueueCount(ItemKind.PROPOSAL, "size", 1, 0, 0, 1)]
    assert desk.values("size") == [("42", 2), ("43", 1), ("44", 1), ("4_2", 1)]
    assert desk.values("size", "_2") == [("4_2", 1)]
    assert desk.values("nothing") == []
    ((decided),) = desk.decided("ann")
    assert (decided.decision.value, decided.right, decided.decision.reviewer) == (
        "44",
        False,
        "ann",
    )


@pytest.mark.parametrize(
    ("answer", "value", "message"),
    [
        ("correct", None, "needs the right value"),
        ("accept", "x", "needs the right value"),
        ("correct", "42", "there already"),
        ("correct", "a\0b", "must be a text"),
    ],
)
def test_an_answer_that_means_nothing_is_refused(
    store: GraphStore, desk: ReviewDesk, answer: str, value: str | None, message: str
) -> None:
    state(store, product("p"))
    propose(desk, ("p", "size", "42", 0.5))
    with pytest.raises(UsageError, match=message):
        decide(desk, answer, value)
    assert [run.kind for run in store.runs()] == ["ingest"]


def test_names_items_and_offers_that_are_none(store: GraphStore, desk: ReviewDesk) -> None:
    state(store, product("p"))
    with pytest.raises(UsageError, match="needs a name"):
        desk.next(" ")
    with pytest.raises(GraphError, match="no item 7"):
        desk.decide("ann", [7], DecidedAs.ACCEPT)
    with pytest.raises(GraphError, match="no product 'nobody'"):
        desk.add("model", [ReviewOffer("nobody", "size", "42", 0.5)])
    with pytest.raises(GraphError, match="no probability"):
        desk.add("model", [ReviewOffer("p", "size", "42", float("nan"))])
    with pytest.raises(GraphError, match="must be texts"):
        desk.add("model", [ReviewOffer("p", "size", "", 0.5)])


DECIDE_AND_DIE = """
import os, signal, sys
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs
from k3m_kg.graph.store import GraphStore
desk = ReviewDesk(GraphStore.open(sys.argv[1]))
for item in desk.next("ann", 2):
    desk.decide("ann", [item.id], DecidedAs.ACCEPT)
    print(item.id, flush=True)
third = desk.next("ann")[0]
from k3m_kg.graph.writing import union
inner = union.GraphUnion.write
def dying(self, known, stated):
    inner(self, known, stated)
    os.kill(os.getpid(), signal.SIGKILL)
union.GraphUnion.write = dying
desk.decide("ann", [third.id], DecidedAs.ACCEPT)
"""


def test_what_was_acknowledged_outlives_a_kill_and_nothing_else_does(
    store: GraphStore, desk: ReviewDesk, database_url: str
) -> None:
    state(store, *(product(f"p{n}") for n in range(3)))
    propose(desk, *((f"p{n}", "size", "42", 0.5) for n in range(3)))
    died = subprocess.run(
        [sys.executable, "-c", DECIDE_AND_DIE, database_url], capture_output=True, text=True
    )
    assert died.returncode == -9, died.stderr
    said = [int(line) for line in died.stdout.split()]
    assert sorted(found.item.id for found in desk.decided()) == sorted(said)
    assert len(said) == 2
    assert sum(len(one.triples) for one in store.iter_products()) == 2
    assert len([run for run in store.runs() if run.kind == "decision"]) == 2


def test_decisions_wait_for_the_disk_and_what_is_given_out_does_not(
    store: GraphStore, desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(store, product("p"))
    propose(desk, ("p", "size", "42", 0.8))
    waited = list[bool]()
    writing = GraphStore.writing

    @contextmanager
    def watched(self: GraphStore, **options: Any) -> Iterator[GraphWriter]:
        with writing(self, **options) as writer:
            waited.append(syncs(writer.connection))
            yield writer

    monkeypatch.setattr(GraphStore, "writing", watched)
    (item,) = desk.next("ann")
    desk.release("ann", [item.id])
    desk.decide("ann", [item.id], DecidedAs.ACCEPT)
    desk.undo("ann")
    assert waited == [False, False, True, True]


def syncs(connection: Connection) -> bool:
    """Whether this transaction's commit waits for the disk."""
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    return connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
