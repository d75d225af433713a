"""What `GraphStore` promises, held on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from k3m_kg.errors import GraphError, UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import (
    CheckedImage,
    IngestCounts,
    LocatedImage,
    SourceVersion,
    Statement,
    StoredImage,
    StoredProduct,
    WriteResult,
)
from k3m_kg.graph.writing.writer import GraphWriter
from k3m_kg.records import ProductRecord


@pytest.fixture
def store(database_url: str) -> Iterator[GraphStore]:
    store, created = GraphStore.create(database_url)
    assert created
    with store:
        yield store


def no_pictures(images: Sequence[LocatedImage]) -> list[CheckedImage]:
    assert not images
    return []


def product(
    id_: str, *pairs: tuple[str, str], title: str | None = "a title", line: int = 1
) -> Statement:
    return Statement(ProductRecord(id_, title, None, (), pairs, line))


def state_in(
    writer: GraphWriter, source: str, *statements: Statement
) -> tuple[IngestCounts, WriteResult]:
    session = writer.session(SourceVersion(source, "test", str(hash(statements))), no_pictures)
    result = session.write(statements)
    return session.finish(len(result.rejected)), result


def state(store: GraphStore, source: str, *statements: Statement) -> IngestCounts:
    with store.writing() as writer:
        return state_in(writer, source, *statements)[0]


def triples(store: GraphStore) -> dict[str, tuple[tuple[str, str], ...]]:
    return {product.id: product.triples for product in store.iter_products()}


RED = ("colour", "red")
BLUE = ("colour", "blue")
WOOL = ("material", "wool")


def test_products_come_back_as_stated(store: GraphStore) -> None:
    located = (
        LocatedImage("1.jpg", "/pictures/1.jpg", 10, 20),
        LocatedImage("https://example.com/2.jpg"),
        LocatedImage("3.jpg", error="no such file"),
    )
    record = ProductRecord("p1", "红色外套", "coats", ("1.jpg", "u", "3.jpg"), (WOOL, BLUE, RED), 1)
    with store.writing() as writer:
        session = writer.session(
            SourceVersion("a", "test", "1"), lambda images: [CheckedImage("f" * 64, 30, 40)]
        )
        session.write([Statement(record, located), product("p0", title=None)])
        counts = session.finish(0)

    assert list(store.iter_products()) == [
        StoredProduct("p0", None, None, (), ()),
        StoredProduct(
            "p1",
            "红色外套",
            "coats",
            (WOOL, BLUE, RED),
            (
                StoredImage("1.jpg", "/pictures/1.jpg", "f" * 64, 30, 40, None),
                StoredImage("https://example.com/2.jpg", None, None, None, None, None),
                StoredImage("3.jpg", None, None, None, None, "no such file"),
            ),
        ),
    ]
    assert (counts.images_found, counts.images_failed, counts.images_not_local) == (1, 1, 1)
    status = store.status()
    assert (status.products, status.properties, status.values, status.triples) == (2, 2, 3, 3)
    assert (status.images, status.images_failed, status.images_not_local) == (1, 1, 1)
    assert (status.missing.image, status.missing.title, status.missing.triples) == (1, 1, 1)
    assert status.missing.category == 1


def test_products_are_in_byte_order_whatever_the_batch(store: GraphStore) -> None:
    ids = ["é", "z", "Z", "a", "10", "9", "中", "𝄞", "\uffee"]
    state(store, "a", *(product(id_, ("p", id_), line=n) for n, id_ in enumerate(ids)))

    in_order = sorted(ids, key=str.encode)
    for batch_size in (1, 2, 1000):
        found = list(store.iter_products(batch_size=batch_size))
        assert [p.id for p in found] == in_order
        assert all(p.triples == (("p", p.id),) for p in found)


def test_a_reader_sees_one_state_while_another_writes(store: GraphStore) -> None:
    state(store, "a", *(product(f"p{n}", RED) for n in range(10)))

    reader = store.iter_products(batch_size=2)
    first = next(reader)
    state(store, "a", product("p5", BLUE))

    assert [first.id, *(p.id for p in reader)] == [f"p{n}" for n in range(10)]
    assert triples(store) == {"p5": (BLUE,)}


def test_an_exception_rolls_everything_back(store: GraphStore) -> None:
    state(store, "a", product("p1", RED))
    before = list(store.iter_products())

    def fail() -> None:
        with store.writing() as writer:
            state_in(writer, "a", product("p2", BLUE))
            state_in(writer, "b", product("p3", BLUE))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        fail()
    assert list(store.iter_products()) == before
    assert state(store, "b", product("p4", BLUE)).products_added == 1


def test_a_rehearsal_counts_and_changes_nothing(store: GraphStore) -> None:
    with store.writing(commit=False) as writer:
        counts, _ = state_in(writer, "a", product("p1", RED))
    assert counts.products_added == 1
    assert list(store.iter_products()) == []


def test_stating_the_same_again_changes_nothing(store: GraphStore) -> None:
    state(store, "a", product("p1", RED, WOOL), product("p2", BLUE))
    counts = state(store, "a", product("p2", BLUE), product("p1", RED, WOOL))
    assert counts == IngestCounts(products_read=2, products_unchanged=2)


def test_a_changed_source_yields_exactly_the_difference(store: GraphStore) -> None:
    state(store, "a", product("same", RED), product("changed", RED, WOOL), product("gone", RED))
    counts = state(
        store, "a", product("same", RED), product("changed", BLUE, WOOL), product("new", RED)
    )
    assert counts == IngestCounts(
        products_read=3,
        products_added=1,
        products_updated=1,
        products_unchanged=1,
        products_removed=1,
        triples_added=2,
        triples_removed=2,
    )
    assert triples(store) == {"same": (RED,), "changed": (BLUE, WOOL), "new": (RED,)}
    assert store.status().values == 3


def test_a_product_that_was_removed_can_come_back(store: GraphStore) -> None:
    state(store, "a", product("p1", RED), product("p2", RED))
    state(store, "a", product("p2", RED))
    assert state(store, "a", product("p1", BLUE), product("p2", RED)).products_added == 1
    assert triples(store) == {"p1": (BLUE,), "p2": (RED,)}


def test_the_order_of_triples_follows_the_newest_statement(store: GraphStore) -> None:
    state(store, "a", product("p", RED, BLUE))
    counts = state(store, "a", product("p", BLUE, RED))
    assert (counts.products_updated, counts.triples_added, counts.triples_removed) == (1, 0, 0)
    assert triples(store) == {"p": (BLUE, RED)}


def test_a_triple_stated_twice_is_one(store: GraphStore) -> None:
    assert state(store, "a", product("p", RED, WOOL, RED)).triples_added == 2
    assert triples(store) == {"p": (RED, WOOL)}


def test_a_source_takes_back_only_its_own_statements(store: GraphStore) -> None:
    state(store, "a", product("p", RED), product("q", RED))
    state(store, "b", product("p", RED))
    assert state(store, "a", product("q", RED)).products_removed == 0
    assert sorted(triples(store)) == ["p", "q"]
    assert state(store, "b", product("r", RED)).products_removed == 1
    assert sorted(triples(store)) == ["q", "r"]


def test_an_id_given_twice_with_other_content_is_rejected_naming_the_first_line(
    store: GraphStore,
) -> None:
    with store.writing() as writer:
        session = writer.session(SourceVersion("a", "test", "1"), no_pictures)
        first = session.write([product("p", RED, line=7), product("p", RED, line=8)])
        later = session.write([product("p", BLUE, line=9), product("p", RED, line=10)])
        counts = session.finish(1)
    assert first.rejected == []
    assert [row.line for row in later.rejected] == [9]
    assert "line 7" in later.rejected[0].reason
    assert counts.rows_repeated == 2
    assert triples(store) == {"p": (RED,)}


def test_values_of_any_length_are_kept(store: GraphStore) -> None:
    long = "ü" * 500_000
    state(store, "a", product("p", ("description", long), ("short", "x")))
    assert triples(store) == {"p": (("description", long), ("short", "x"))}
    assert state(store, "b", product("q", ("description", long))).triples_added == 1
    assert store.status().values == 2


def test_a_value_may_read_like_a_product(store: GraphStore) -> None:
    state(store, "a", product("red", ("colour", "red")), product("colour", ("red", "colour")))
    assert triples(store) == {"red": (RED,), "colour": (("red", "colour"),)}


def test_unchanged_is_certain(store: GraphStore) -> None:
    version = SourceVersion("a", "test", "1", images_folder="/")
    located = {"p": (LocatedImage("p.jpg", "/p.jpg", 1, 1),)}

    def unchanged(version: SourceVersion = version) -> IngestCounts | None:
        with store.writing() as writer:
            return writer.unchanged(version, lambda id_, written: located.get(id_, ()))

    assert unchanged() is None
    with store.writing() as writer:
        session = writer.session(version, lambda images: [CheckedImage("f" * 64, 9, 9)])
        session.write([Statement(product("p", RED).record, located["p"]), product("q", RED)])
        session.finish(0)
    assert unchanged() == IngestCounts(products_read=2, products_unchanged=2, images_found=1)
    assert unchanged(SourceVersion("a", "test", "2")) is None
    assert unchanged(SourceVersion("a", "test", "1", "m", images_folder="/")) is None

    located["p"] = (LocatedImage("p.jpg", "/p.jpg", 1, 2),)
    assert unchanged() is None, "a picture was replaced"
    located["p"] = (LocatedImage("p.jpg", "/p.jpg", 1, 1),)
    located["q"] = (LocatedImage("q.jpg", "/q.jpg", 1, 1),)
    assert unchanged() is None, "a picture appeared"
    del located["q"]
    assert unchanged() is not None

    state(store, "b", product("q", BLUE), product("p", RED))
    assert unchanged() is not None, "what another source states of its products is its own"
    located["p"] = (LocatedImage("p.jpg", "/p.jpg", 1, 2),)
    assert unchanged() is None, "a picture of a product that several state was replaced"


def test_a_source_that_did_not_change_has_the_rejected_rows_that_it_had(store: GraphStore) -> None:
    """Whoever ingests decides by their number whether it must be read again."""
    version = SourceVersion("a", "test", "1")
    with store.writing() as writer:
        session = writer.session(version, no_pictures)
        session.write([product("p", RED)])
        session.finish(1)
    with store.writing() as writer:
        found = writer.unchanged(version, lambda id_, written: ())
        assert found is not None
        assert (found.products_unchanged, found.rows_quarantined) == (1, 1)


def test_only_new_or_changed_pictures_are_looked_into(store: GraphStore) -> None:
    asked: list[str] = []

    def check(images: Sequence[LocatedImage]) -> list[CheckedImage]:
        asked.extend(image.source for image in images)
        return [CheckedImage("f" * 64, 9, 9) for _ in images]

    def run(content: str, *images: LocatedImage) -> IngestCounts:
        with store.writing() as writer:
            session = writer.session(SourceVersion("a", "test", content), check)
            session.write([Statement(product("p", RED).record, images)])
            return session.finish(0)

    one, two = LocatedImage("1.jpg", "/1.jpg", 1, 1), LocatedImage("2.jpg", "/2.jpg", 1, 1)
    run("1", one)
    assert run("2", one, two).products_updated == 1
    assert run("3", one, two).products_unchanged == 1
    assert asked == ["1.jpg", "2.jpg"]
    run("4", LocatedImage("1.jpg", "/1.jpg", 1, 2), two)
    assert asked == ["1.jpg", "2.jpg", "1.jpg"]


def test_a_second_writer_waits_and_then_gives_up_with_a_clear_word(
    store: GraphStore, database_url: str
) -> None:
    waited: list[bool] = []
    with GraphStore.open(database_url) as other, store.writing() as writer:
        state_in(writer, "a", product("p", RED))
        with (
            pytest.raises(GraphError, match="another process has been writing"),
            other.writing(patience=0.2, on_wait=lambda: waited.append(True)),
        ):
            pass
        assert list(other.iter_products()) == []
    assert waited == [True]
    assert triples(store) == {"p": (RED,)}


def test_create_opens_what_is_there(store: GraphStore, database_url: str) -> None:
    state(store, "a", product("p", RED))
    again, created = GraphStore.create(database_url)
    with again:
        assert not created
        assert triples(again) == {"p": (RED,)}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("k3m-kg.db", "sqlite:///k3m-kg.db"),
        ("", "no database URL"),
        ("mysql://localhost/x", "no graph can live in 'mysql'"),
        ("sqlite://graph.db", "SQLite has none"),
    ],
)
def test_a_url_of_no_known_database_is_wrong_use(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        GraphStore.open(url)
