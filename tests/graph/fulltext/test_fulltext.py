"""Full text in the database: the same on both, kept right by every kind of run, filled in steps."""

from __future__ import annotations

import threading

import pytest

from k3m_kg.errors import GraphError
from k3m_kg.graph.fulltext.filling import fill_words, words_behind
from k3m_kg.graph.fulltext.finding import find_entities
from k3m_kg.graph.fulltext.phrases import phrases, words_of
from k3m_kg.graph.fulltext.tables import WordTable
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.graph.tables import EntityKind
from k3m_kg.records import ProductRecord

TITLES = {
    "A-1": "Red cotton SHIRT, size_M",
    "A-2": "shirt cotton; red",
    "A-3": "Émaillé 红色外套 Straße",
    "A-4": "a 'quote' \\ and \"another\" 3½-inch",
    "A-5": "x " * 200 + "late",
    "A-6": "ガラスのコップ й ñandú",
}


def state(store: GraphStore, source: str, titles: dict[str, str | None]) -> int:
    with store.writing() as writer:
        session = writer.session(SourceVersion(source, "csv", "d"), lambda images: [])
        session.write([Statement(ProductRecord(id_, of, None)) for id_, of in titles.items()])
        session.finish(0)
    return session.run


def found(store: GraphStore, query: str, table: WordTable = WordTable.TITLES) -> set[str]:
    """The texts of what has the phrase, ids of products."""
    (phrase,) = phrases(query)
    with store.reading() as reader:
        numbers = set(find_entities(reader.connection, table, phrase).tolist())
        names = {row[0]: row[2] for rows in reader.subjects() for row in rows}
        return {names.get(number, "gone") for number in numbers}


@pytest.fixture
def store(database_url: str) -> GraphStore:
    return GraphStore.create(database_url)[0]


def test_both_databases_find_the_same(store: GraphStore) -> None:
    state(store, "a", TITLES)
    store.fill_words()
    expected = {
        "shirt": {"A-1", "A-2"},
        "SHI": {"A-1", "A-2"},
        '"shi"': set(),
        '"red cotton"': {"A-1"},
        '"cotton red"': {"A-2"},
        "m": {"A-1"},
        "size": {"A-1"},
        "emaille": {"A-3"},
        "ÉMAIL": {"A-3"},
        "外套": {"A-3"},
        "套外": set(),
        "stra": {"A-3"},
        "STRASSE": set(),
        "3½": {"A-4"},
        "'quote'": {"A-4"},
        "late": set(),
        "コップ": {"A-6"},
        "nandu": {"A-6"},
    }
    assert {query: found(store, query) for query in expected} == expected
    assert found(store, "a-2", WordTable.ENTITIES) == {"A-2"}


def test_titles_are_followed_through_every_kind_of_run(store: GraphStore) -> None:
    first = state(store, "a", {"p": "red shirt", "q": "red hat", "r": None})
    store.fill_words()
    state(store, "b", {"p": "blue shirt", "r": "blue coat", "new": "blue mug"})
    store.fill_words()
    assert found(store, "blue") == {"r", "new"}  # the first source has named p
    with store.writing() as writer:
        writer.order(["b", "a"])
    store.fill_words()
    assert found(store, "blue") == {"p", "r", "new"}
    second = state(store, "b", {"p": "green shirt"})
    store.fill_words()
    assert (found(store, "blue"), found(store, "green")) == (set(), {"p"})
    with store.writing() as writer:
        writer.undo(second)
    store.fill_words()
    assert (found(store, "blue"), found(store, "green")) == ({"p", "r", "new"}, set())
    with store.writing() as writer:
        writer.end("b")
        writer.undo(first)
    assert found(store, "red") == {"gone"}  # p and q, until words are brought up to date
    store.fill_words()
    assert found(store, "red") == set()
    state(store, "c", {"q": "red again"})
    store.fill_words()
    assert found(store, "red") == {"q"}


def test_words_are_filled_in_steps_and_nobody_waits_where_nothing_is_to_be_done(
    store: GraphStore,
) -> None:
    state(store, "a", {f"p{n}": f"title {n}" for n in range(5)})
    steps = 1
    with store.writing() as writer:
        while fill_words(writer.connection, 2):
            steps += 1
    assert steps == 3
    assert len(found(store, "title")) == 5
    state(store, "a", {f"p{n}": f"other {n}" for n in range(5)})
    with store.writing() as writer:
        assert fill_words(writer.connection, 4)
        assert not fill_words(writer.connection, 4)
    assert (len(found(store, "title")), len(found(store, "other"))) == (0, 5)
    with store.reading() as reader:
        assert not words_behind(reader.connection)
    with store.writing():
        asked = threading.Thread(target=store.fill_words, args=(0.0,))
        asked.start()
        asked.join()  # else it would wait for this writer
    state(store, "b", {"q": "one more"})
    with store.writing(), pytest.raises(GraphError, match="another"):
        elsewhere(store)


def elsewhere(store: GraphStore) -> None:
    """Another process's try while this one writes."""
    with GraphStore.open(store.private_url) as other:
        other.fill_words(0.0)


def test_a_run_that_is_rolled_back_leaves_no_note(store: GraphStore) -> None:
    state(store, "a", {"p": "red"})
    store.fill_words()
    with store.writing(commit=False) as writer:
        session = writer.session(SourceVersion("a", "csv", "e"), lambda images: [])
        session.write([Statement(ProductRecord("p", "blue", None))])
        session.finish(0)
    with store.reading() as reader:
        assert not words_behind(reader.connection)
        assert reader.find(EntityKind.PRODUCT, "p") is not None
    assert found(store, "red") == {"p"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red_and-BLUE 3.5", ["red", "and", "blue", "3", "5"]),
        ("École ÅNGSTRÖM", ["ecole", "angstrom"]),
        ("が 한", ["が", "한"]),
        ("  ", []),
    ],
)
def test_texts_are_cut_into_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words
