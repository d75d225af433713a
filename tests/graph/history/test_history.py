"""Runs can be shown and taken back; what models propose is a run too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from k3m_kg.errors import GraphError
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import (
    ProposedCategory,
    ProposedTriple,
    SourceVersion,
    Statement,
    SubjectDiff,
    Undone,
)
from k3m_kg.quality.examination import examine
from k3m_kg.records import ProductRecord, Subject, ValueRecord

RED = ("colour", "red")
BLUE = ("colour", "blue")
WOOL = ("material", "wool")


@pytest.fixture
def store(database_url: str) -> Iterator[GraphStore]:
    with GraphStore.create(database_url)[0] as store:
        yield store


def product(id_: str, *pairs: tuple[str, str], title: str = "a title", **more: object) -> Subject:
    return ProductRecord(id_, title, None, (), pairs, **more)  # type: ignore[arg-type]


def state(store: GraphStore, source: str, *records: Subject) -> int:
    """Ingest; the run."""
    with store.writing() as writer:
        version = SourceVersion(source, "test", str(hash(records)))
        session = writer.session(version, lambda images: [])
        session.write([Statement(record) for record in records])
        session.finish(0)
        return session.run


def propose(store: GraphStore, *proposals: tuple[str, str, str]) -> int:
    with store.writing() as writer:
        return writer.propose("model", [ProposedTriple(*proposal, 0.9) for proposal in proposals])


def undo(store: GraphStore, run: int) -> Undone:
    with store.writing() as writer:
        return writer.undo(run)


def content(store: GraphStore) -> list[object]:
    return [*store.iter_products(), *store.iter_values()]


def triples(store: GraphStore) -> dict[str, tuple[tuple[str, str], ...]]:
    return {product.id: product.triples for product in store.iter_products()}


def test_links_and_triples_of_values_come_back_as_stated(store: GraphStore) -> None:
    links = (("variant of", "p1"), ("goes with", "nowhere stated"))
    trousers = ValueRecord("trousers", (("sub-category of", "clothing"),))
    state(store, "a", product("p0", WOOL, links=links), product("p1", RED), trousers)
    assert store.product("p0") == next(store.iter_products())
    assert next(store.iter_products()).links == links
    assert next(store.iter_products()).triples == (WOOL,)
    assert list(store.iter_values()) == [trousers]
    assert list(store.iter_subjects()) == [*store.iter_products(), trousers]
    assert (store.status().products, store.status().triples) == (2, 5)
    assert (store.status().links, store.status().facts) == (2, 1)
    assert store.product("nowhere stated") is None
    assert store.product("p2") is None


def test_a_value_record_is_updated_and_removed_as_a_product_is(store: GraphStore) -> None:
    state(store, "a", product("p"), ValueRecord("x", (("is a", "y"),)))
    second = state(store, "a", product("p"), ValueRecord("x", (("is a", "z"),)))
    assert list(store.diff(second)) == [
        SubjectDiff(
            "value",
            "x",
            "updated",
            triples_added=(("is a", "z"),),
            triples_removed=(("is a", "y"),),
        )
    ]
    state(store, "a", product("p"))
    assert list(store.iter_values()) == []


def test_the_difference_of_a_run_is_exact_whatever_came_later(store: GraphStore) -> None:
    first = state(store, "a", product("same", RED), product("p", RED, WOOL), product("gone", RED))
    second = state(store, "a", product("same", RED), product("p", BLUE, WOOL), product("new", RED))
    state(store, "a", product("p", RED, title="another"))

    assert {d.name: d.change for d in store.diff(first)} == dict.fromkeys(
        ("same", "p", "gone"), "added"
    )
    assert {d.name: d for d in store.diff(second)} == {
        "p": SubjectDiff("product", "p", "updated", None, None, (BLUE,), (RED,)),
        "gone": SubjectDiff(
            "product", "gone", "removed", ("a title", None), triples_removed=(RED,)
        ),
        "new": SubjectDiff("product", "new", "added", (None, "a title"), triples_added=(RED,)),
    }


def test_undo_gives_back_exactly_what_was(store: GraphStore) -> None:
    state(store, "a", product("same", RED), product("p", RED, WOOL), product("gone", RED))
    before = content(store)
    run = state(store, "a", product("same", RED), product("p", BLUE, WOOL), product("new", RED))
    assert undo(store, run) == Undone(
        run, products_removed=1, products_restored=2, triples_added=2, triples_removed=2
    )
    assert content(store) == before
    with pytest.raises(GraphError, match=f"run {run} was undone"):
        list(store.diff(run))
    with pytest.raises(GraphError, match="undone before"):
        undo(store, run)


def test_undo_of_the_first_run_leaves_an_empty_graph(store: GraphStore) -> None:
    run = state(store, "a", product("p", RED, links=(("with", "q"),)), ValueRecord("x", (RED,)))
    undo(store, run)
    assert content(store) == []
    assert store.status().triples == 0
    assert state(store, "a", product("p", RED)) > run
    assert triples(store) == {"p": (RED,)}


def test_undo_leaves_what_later_runs_of_other_sources_state(store: GraphStore) -> None:
    first = state(store, "a", product("p", RED), product("q", RED))
    second = state(store, "b", product("p", BLUE))
    assert triples(store) == {"p": (RED, BLUE), "q": (RED,)}
    undo(store, first)
    assert triples(store) == {"p": (BLUE,)}
    undo(store, second)
    assert triples(store) == {}


def test_undo_of_a_removal_joins_what_was_stated_since(store: GraphStore) -> None:
    state(store, "a", product("p", RED), product("q", RED))
    removal = state(store, "a", product("q", RED))
    state(store, "b", product("p", BLUE))
    undo(store, removal)
    assert triples(store) == {"p": (RED, BLUE), "q": (RED,)}


def test_undo_is_refused_when_the_source_was_read_again(store: GraphStore) -> None:
    state(store, "a", product("p", RED))
    second = state(store, "a", product("p", BLUE), product("q", RED))
    third = state(store, "a", product("p", BLUE), product("q", RED), product("r", RED))
    with pytest.raises(GraphError, match=rf"\({third}\)"):
        undo(store, second)
    assert sorted(triples(store)) == ["p", "q", "r"]


def test_a_source_that_says_what_is_known_changes_nothing_until_it_is_alone(
    store: GraphStore,
) -> None:
    state(store, "a", product("p", RED), product("q", RED))
    second = state(store, "b", product("p", RED))
    assert list(store.diff(second)) == []
    state(store, "a", product("q", RED))
    assert sorted(triples(store)) == ["p", "q"]
    undo(store, second)
    assert sorted(triples(store)) == ["q"]


def test_after_an_undo_an_unchanged_source_is_read_again(store: GraphStore) -> None:
    version = SourceVersion("a", "test", "2")
    state(store, "a", product("p", RED))
    with store.writing() as writer:
        session = writer.session(version, lambda images: [])
        session.write([Statement(product("p", BLUE))])
        session.finish(0)
    with store.writing() as writer:
        assert writer.unchanged(version, lambda id_, written: ()) is not None
    undo(store, session.run)
    with store.writing() as writer:
        assert writer.unchanged(version, lambda id_, written: ()) is None


def test_a_rehearsal_shows_its_difference(store: GraphStore) -> None:
    with store.writing(commit=False) as writer:
        session = writer.session(SourceVersion("a", "test", "1"), lambda images: [])
        session.write([Statement(product("p", RED))])
        session.finish(0)
        assert [d.name for d in writer.diff(session.run)] == ["p"]
    assert store.runs() == []


def test_a_run_that_is_not_there(store: GraphStore) -> None:
    state(store, "a", product("p", RED))
    with pytest.raises(GraphError, match="no run 7") as raised:
        undo(store, 7)
    assert "the newest: 1" in str(raised.value)


def test_proposals_are_triples_until_they_are_undone(store: GraphStore) -> None:
    state(store, "a", product("p", RED), product("q", RED))
    run = propose(store, ("p", "material", "wool"), ("p", "colour", "red"), ("q", "size", "42"))
    assert triples(store) == {"p": (RED, WOOL), "q": (RED, ("size", "42"))}
    assert [(d.name, d.change, d.triples_added) for d in store.diff(run)] == [
        ("p", "proposed", (WOOL,)),
        ("q", "proposed", (("size", "42"),)),
    ]
    assert store.run(run).kind == "proposal"
    assert undo(store, run).triples_removed == 2
    assert triples(store) == {"p": (RED,), "q": (RED,)}


def test_a_source_overrules_a_proposal_only_where_it_states_the_property(
    store: GraphStore,
) -> None:
    state(store, "a", product("p", RED))
    propose(store, ("p", "material", "wool"), ("p", "size", "42"))
    run = state(store, "a", product("p", BLUE, ("material", "silk")))
    assert triples(store) == {"p": (BLUE, ("material", "silk"), ("size", "42"))}
    undo(store, run)
    assert triples(store) == {"p": (RED, WOOL, ("size", "42"))}


def test_what_a_source_states_is_its_own_whatever_was_proposed(store: GraphStore) -> None:
    state(store, "a", product("p", RED))
    run = propose(store, ("p", "material", "wool"))
    state(store, "a", product("p", RED, WOOL))
    undo(store, run)
    assert triples(store) == {"p": (RED, WOOL)}


def test_undo_does_not_bring_back_proposals_that_were_undone(store: GraphStore) -> None:
    state(store, "a", product("p", RED))
    proposed = propose(store, ("p", "material", "wool"))
    run = state(store, "a", product("p", BLUE))
    undo(store, proposed)
    undo(store, run)
    assert triples(store) == {"p": (RED,)}


def test_a_triple_that_two_runs_proposed_stays_until_both_are_undone(store: GraphStore) -> None:
    state(store, "a", product("p", RED))
    first = propose(store, ("p", "material", "wool"))
    second = propose(store, ("p", "material", "wool"))
    assert undo(store, first).triples_removed == 0
    assert triples(store) == {"p": (RED, WOOL)}
    assert undo(store, second).triples_removed == 1
    assert triples(store) == {"p": (RED,)}


def test_a_proposal_is_hidden_while_its_product_is_away_or_its_property_stated(
    store: GraphStore,
) -> None:
    state(store, "a", product("p", RED))
    run = propose(store, ("p", "material", "wool"))
    state(store, "a", product("q", RED))
    state(store, "b", product("p", BLUE))
    assert triples(store) == {"p": (BLUE, WOOL), "q": (RED,)}
    state(store, "c", product("p", ("material", "silk")))
    assert triples(store)["p"] == (BLUE, ("material", "silk"))
    state(store, "c", product("r"))
    assert triples(store)["p"] == (BLUE, WOOL)
    undo(store, run)
    assert triples(store)["p"] == (BLUE,)


def test_nothing_is_proposed_for_a_property_that_a_source_states(store: GraphStore) -> None:
    first = state(store, "a", product("p", RED))
    state(store, "b", product("p", WOOL))
    run = propose(store, ("p", "colour", "blue"))
    assert list(store.diff(run)) == []
    undo(store, first)
    assert triples(store) == {"p": (WOOL,)}


def propose_categories(store: GraphStore, **by_product: str) -> int:
    with store.writing() as writer:
        offered = [ProposedCategory(id_, text, 0.9) for id_, text in by_product.items()]
        return writer.propose("model", offered)


def categories(store: GraphStore) -> dict[str, str | None]:
    """The same by every way of reading."""
    found = {product.id: product.category for product in store.iter_products()}
    one_by_one = (store.product(id_) for id_ in found)
    assert {one.id: one.category for one in one_by_one if one is not None} == found
    with store.reading() as reader:
        assert {row[2]: row[4] for rows in reader.subjects() for row in rows} == found
        for text in {text for text in found.values() if text is not None}:
            rows = [row for part in reader.subjects(category=text) for row in part]
            assert {row[2] for row in rows} == {id_ for id_ in found if found[id_] == text}
        named = [text for text in found.values() if text is not None]
        assert reader.counts()["categories"] == len(named)
    quality = examine(store)
    assert {one.value: one.count for one in quality.categories} == Counter(named)
    assert quality.category_count == len(set(named))
    return found


def test_a_proposed_category_is_one_until_it_is_undone(store: GraphStore) -> None:
    state(store, "a", product("p"), replace(product("q"), category="coats"), product("r"))
    run = propose_categories(store, p="coats", q="hats", r="hats")
    assert categories(store) == {"p": "coats", "q": "coats", "r": "hats"}
    assert [(d.name, d.change, d.category, d.triples_added) for d in store.diff(run)] == [
        ("p", "proposed", (None, "coats"), ()),
        ("r", "proposed", (None, "hats"), ()),
    ]
    assert triples(store) == {"p": (), "q": (), "r": ()}
    assert store.run(run).counts.products_updated == 2
    assert undo(store, run).products_restored == 2
    assert categories(store) == {"p": None, "q": "coats", "r": None}


def test_a_source_overrules_a_proposed_category_by_stating_one(store: GraphStore) -> None:
    state(store, "a", product("p"), product("q"))
    propose_categories(store, p="coats", q="hats")
    run = state(store, "a", product("p", RED), replace(product("q"), category="caps"))
    assert categories(store) == {"p": "coats", "q": "caps"}
    assert [(d.name, d.category) for d in store.diff(run)] == [("p", None), ("q", (None, "caps"))]
    undo(store, run)
    assert categories(store) == {"p": "coats", "q": "hats"}


def test_of_two_proposed_categories_the_first_that_holds_counts(store: GraphStore) -> None:
    state(store, "a", product("p"))
    first, second = (propose_categories(store, p=text) for text in ("coats", "hats"))
    assert categories(store) == {"p": "coats"}
    undo(store, first)
    assert categories(store) == {"p": "hats"}
    undo(store, second)
    assert categories(store) == {"p": None}


def test_no_proposals_leave_an_empty_graph_as_it_is(store: GraphStore) -> None:
    propose(store)
    state(store, "a", product("p", RED))
    assert triples(store) == {"p": (RED,)}


@pytest.mark.parametrize(
    ("proposal", "message"),
    [
        (ProposedTriple("nobody", "colour", "red", 0.5), "no product 'nobody'"),
        (ProposedTriple("p", "colour", "", 0.5), "must be texts"),
        (ProposedTriple("p", "colour", "red", float("nan")), "no probability"),
        (ProposedTriple("p", "colour", "red", 1.5), "no probability"),
        (ProposedCategory("p", "", 0.5), "must be a text"),
        (ProposedCategory("nobody", "coats", 0.5), "no product 'nobody'"),
    ],
)
def test_a_bad_proposal_fails_the_run(
    store: GraphStore, proposal: ProposedTriple | ProposedCategory, message: str
) -> None:
    state(store, "a", product("p", RED))
    before = content(store)
    with pytest.raises(GraphError, match=message), store.writing() as writer:
        writer.propose("model", [ProposedTriple("p", "size", "42", 0.5), proposal])
    assert content(store) == before
