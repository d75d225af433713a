"""Several sources about the same products, step by step; test_state_machine tries the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from k3m_kg.errors import GraphError
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import (
    CheckedImage,
    IngestCounts,
    LocatedImage,
    ProposedCategory,
    ProposedTriple,
    SourceVersion,
    Statement,
    SubjectDiff,
)
from k3m_kg.records import ProductRecord

RED = ("colour", "red")
BLUE = ("colour", "blue")
WOOL = ("material", "wool")


@pytest.fixture
def store(database_url: str) -> Iterator[GraphStore]:
    with GraphStore.create(database_url)[0] as store:
        yield store


def product(
    id_: str,
    *pairs: tuple[str, str],
    title: str | None = None,
    pictures: Sequence[LocatedImage] = (),
) -> Statement:
    return Statement(ProductRecord(id_, title, None, (), pairs), tuple(pictures))


def look(images: Sequence[LocatedImage]) -> list[CheckedImage]:
    return [CheckedImage(f"content of {image.path}", 1, 1) for image in images]


def state(
    store: GraphStore, source: str, *statements: Statement, rejected: Sequence[str] = ()
) -> tuple[int, IngestCounts]:
    with store.writing() as writer:
        session = writer.session(SourceVersion(source, "test", str(hash(statements))), look)
        session.write(statements)
        for id_ in rejected:
            session.keep(id_)
        return session.run, session.finish(len(rejected))


def shown(store: GraphStore, id_: str) -> tuple[str | None, tuple[tuple[str, str], ...]] | None:
    found = store.product(id_)
    return None if found is None else (found.title, found.triples)


def state_of(store: GraphStore) -> str:
    with store.reading() as reader:
        assert isinstance(reader, GraphReader)
        return reader.state()


def test_names_from_one_source_and_attributes_from_another_meet(store: GraphStore) -> None:
    state(store, "names", product("p", title="Mug"), product("q", title="Cup"))
    run, counts = state(store, "attributes", product("p", RED), product("r", BLUE))
    assert shown(store, "p") == ("Mug", (RED,))
    assert counts == IngestCounts(
        products_read=2, products_added=1, products_updated=1, triples_added=2
    )
    assert list(store.diff(run)) == [
        SubjectDiff("product", "p", "updated", triples_added=(RED,)),
        SubjectDiff("product", "r", "added", triples_added=(BLUE,)),
    ]
    assert (store.status().sources, store.status().products) == (2, 3)


def test_a_source_that_drops_a_product_leaves_it_to_the_others(store: GraphStore) -> None:
    state(store, "a", product("p", RED, title="Mug"), product("q", RED))
    state(store, "b", product("p", WOOL, RED))
    run, counts = state(store, "a", product("q", RED))
    assert (counts.products_removed, counts.products_left) == (0, 1)
    assert (counts.triples_added, counts.triples_removed) == (0, 0)
    assert shown(store, "p") == (None, (WOOL, RED))
    (change,) = store.diff(run)
    assert (change.change, change.title, change.triples_removed) == ("updated", ("Mug", None), ())
    _, counts = state(store, "b", product("z"))
    assert (counts.products_removed, counts.products_left) == (1, 0)
    assert shown(store, "p") is None


def test_overlapping_sources_read_again_change_nothing(store: GraphStore) -> None:
    versions = {
        "a": (product("p", RED, title="one"), product("q", RED)),
        "b": (product("p", BLUE, title="two"), product("q", RED)),
    }
    for source, statements in versions.items():
        state(store, source, *statements)
    before = list(store.iter_products())
    for source, statements in (*versions.items(), *versions.items()):
        _, counts = state(store, source, *statements)
        assert counts == IngestCounts(products_read=2, products_unchanged=2)
    assert list(store.iter_products()) == before
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM journal").scalar() == 0


def test_the_order_of_sources_is_the_users(store: GraphStore) -> None:
    pictures = [LocatedImage("1.jpg", "/a/1.jpg", 1, 1)], [LocatedImage("2.jpg", "/b/2.jpg", 1, 1)]
    state(store, "a", product("p", RED, title="one", pictures=pictures[0]))
    state(store, "b", product("p", BLUE, title="two", pictures=pictures[1]), product("q"))
    assert shown(store, "p") == ("one", (RED, BLUE))
    before = state_of(store)
    with store.writing() as writer:
        assert writer.order(["b"]) == 1
    assert state_of(store) != before
    assert shown(store, "p") == ("two", (BLUE, RED))
    found = store.product("p")
    assert found is not None
    assert [image.source for image in found.images] == ["2.jpg", "1.jpg"]
    assert [(one.name, one.products, one.shared) for one in store.sources()] == [
        ("b", 2, 1),
        ("a", 1, 1),
    ]
    state(store, "a", product("p", RED, title="one, newer", pictures=pictures[0]))
    assert shown(store, "p") == ("two", (BLUE, RED))
    with pytest.raises(GraphError, match="unknown source 'c'"), store.writing() as writer:
        writer.order(["c"])


def test_a_source_ends_and_comes_back(store: GraphStore) -> None:
    state(store, "a", product("p", RED, title="one"))
    state(store, "b", product("p", BLUE), product("q"))
    with store.writing() as writer:
        run, counts = writer.end("b")
    assert (counts.products_removed, counts.products_left) == (1, 1)
    assert store.run(run).kind == "end"
    assert [product.id for product in store.iter_products()] == ["p"]
    assert {change.name: change.change for change in store.diff(run)} == {
        "p": "updated",
        "q": "removed",
    }
    with pytest.raises(GraphError, match="states nothing"), store.writing() as writer:
        writer.end("b")
    with pytest.raises(GraphError, match="unknown source 'z'"), store.writing() as writer:
        writer.end("z")
    with store.writing() as writer:
        writer.undo(run)
    assert shown(store, "p") == ("one", (RED, BLUE))


def test_a_rejected_row_keeps_what_its_source_said_before(store: GraphStore) -> None:
    state(store, "a", product("p", RED), product("q", RED), product("r", RED))
    state(store, "b", product("p", BLUE))
    _, counts = state(store, "a", product("q", BLUE), rejected=["p", "new", "q"])
    assert (counts.products_kept, counts.products_removed) == (1, 1)
    assert shown(store, "p") == (None, (RED, BLUE))
    assert shown(store, "q") == (None, (BLUE,))
    assert shown(store, "r") is None
    _, counts = state(store, "a", product("q", BLUE))
    assert (counts.products_kept, counts.products_left) == (0, 1)
    assert shown(store, "p") == (None, (BLUE,))


def test_an_id_that_no_database_holds_keeps_nothing(store: GraphStore) -> None:
    state(store, "a", product("p", RED))
    _, counts = state(store, "a", product("p", RED), rejected=["a\0b", "\ud800"])
    assert counts.products_kept == 0


def test_a_new_time_of_a_shared_picture_is_no_change(store: GraphStore) -> None:
    def with_time(time: int) -> Statement:
        return product("p", RED, pictures=[LocatedImage("1.jpg", "/1.jpg", 1, time)])

    state(store, "a", with_time(1))
    state(store, "b", product("p", BLUE))
    _, counts = state(store, "a", with_time(2))
    assert counts.products_unchanged == 1
    with store.writing() as writer:
        version = SourceVersion("a", "test", str(hash((with_time(2),))), images_folder=None)
        located = (LocatedImage("1.jpg", "/1.jpg", 1, 2),)
        assert writer.unchanged(version, lambda id_, written: located) is not None


def test_undo_of_one_source_leaves_the_others(store: GraphStore) -> None:
    state(store, "a", product("p", RED, title="one"))
    second, _ = state(store, "a", product("p", WOOL, title="uno"))
    state(store, "b", product("p", BLUE))
    with store.writing() as writer:
        undone = writer.undo(second)
    assert (undone.products_restored, undone.triples_added, undone.triples_removed) == (1, 1, 1)
    assert shown(store, "p") == ("one", (RED, BLUE))


def test_each_triple_tells_who_says_it(store: GraphStore) -> None:
    first, _ = state(store, "a", product("p", RED, WOOL))
    second, _ = state(store, "b", product("p", RED, BLUE))
    with store.writing() as writer:
        third = writer.propose(
            "m", [ProposedTriple("p", "size", "L", 0.5), ProposedCategory("p", "coats", 0.75)]
        )
    found = store.origins("p")
    assert found is not None
    said = {
        (triple.property, triple.value): [
            (origin.source, origin.run, origin.kind, origin.probability)
            for origin in triple.origins
        ]
        for triple in found.triples
    }
    by_a, by_b = ("a", first, "ingest", None), ("b", second, "ingest", None)
    assert said == {
        RED: [by_a, by_b],
        WOOL: [by_a],
        BLUE: [by_b],
        ("size", "L"): [("proposal:m", third, "proposal", 0.5)],
    }
    assert [(origin.run, origin.probability) for origin in found.category] == [(third, 0.75)]
    assert store.origins("q") is None
