"""The union of statements, without a database."""

from __future__ import annotations

from k3m_kg.graph.history.journal import StoredSubject, Version, with_content
from k3m_kg.graph.tables import SEVERAL
from k3m_kg.graph.writing.merging import merged, same_content


def version(
    source: int,
    *pairs: tuple[int, int],
    title: str | None = None,
    category: str | None = None,
    pictures: tuple[tuple[str, str | None, str | None], ...] = (),
) -> Version:
    subject = StoredSubject(7, 0, title, category, f"hash{source}", source, 10 + source)
    return Version(
        subject,
        [(*pair, position, 10 + source) for position, pair in enumerate(pairs)],
        [
            (position, written, path, 1, 1, content, 2, 2, None, 10 + source)
            for position, (written, path, content) in enumerate(pictures)
        ],
    )


def pictures_of(union: Version) -> list[tuple[str, str | None]]:
    assert [row[0] for row in union.images] == list(range(len(union.images)))
    return [row[1:3] for row in union.images]


def test_one_statement_is_itself() -> None:
    alone = version(1, (1, 2), (1, 3), title="a")
    assert merged([alone]) is alone


def test_the_first_that_states_a_title_or_category_counts_and_triples_follow_once() -> None:
    one, two = version(1, (1, 2), category="c"), version(2, (5, 6), (1, 2), title="t", category="d")
    union = merged([one, two])
    assert (union.subject.title, union.subject.category) == ("t", "c")
    assert (union.subject.source, union.subject.run) == (SEVERAL, 12)
    assert union.triples == [(1, 2, 0, 11), (5, 6, 1, 12)]
    assert merged([two, one]).triples == [(5, 6, 0, 12), (1, 2, 1, 12)]


def test_what_is_proposed_shows_where_no_source_states_the_property() -> None:
    union = merged([version(1, (1, 2)), version(2, (3, 4))], [(1, 9, 20), (8, 9, 20), (8, 9, 21)])
    assert union.pairs == [(1, 2), (3, 4), (8, 9)]
    assert union.triples[-1] == (8, 9, 2, 20)


def test_a_picture_that_several_sources_have_comes_once() -> None:
    one = version(1, pictures=(("1.jpg", "/a/1.jpg", "A"), ("1.jpg", "/a/1.jpg", "A")))
    same_file = version(2, pictures=(("a/1.jpg", "/a/1.jpg", "A"),))
    same_content = version(3, pictures=(("x.jpg", "/b/x.jpg", "A"), ("y.jpg", "/b/y.jpg", "B")))
    union = merged([one, same_file, same_content])
    assert pictures_of(union) == [
        ("1.jpg", "/a/1.jpg"),
        ("1.jpg", "/a/1.jpg"),
        ("y.jpg", "/b/y.jpg"),
    ]


def test_a_file_takes_the_place_of_what_another_source_only_names() -> None:
    named = version(1, pictures=(("u", None, None), ("v", None, None)))
    fetched = version(2, pictures=(("v", "/s/v", "V"), ("w", None, None), ("u", None, None)))
    assert pictures_of(merged([named, fetched])) == [("u", None), ("v", "/s/v"), ("w", None)]
    assert pictures_of(merged([fetched, named])) == [("v", "/s/v"), ("w", None), ("u", None)]


def test_two_files_of_one_name_are_two_pictures() -> None:
    one = version(1, pictures=(("1.jpg", "/a/1.jpg", "A"),))
    two = version(2, pictures=(("1.jpg", "/b/1.jpg", "B"),))
    assert pictures_of(merged([one, two])) == [("1.jpg", "/a/1.jpg"), ("1.jpg", "/b/1.jpg")]


def test_content_is_the_same_whoever_states_it() -> None:
    one, two = version(1, (1, 2), title="a"), version(2, (1, 2), title="a")
    assert same_content(one, two)
    assert same_content(one, merged([one, two]))
    assert not same_content(one, version(1, (1, 2), title="b"))
    assert not same_content(one, None)


def test_a_version_comes_back_from_its_text() -> None:
    one = version(1, (1, 2), (3, 4), title="a", pictures=(("1.jpg", None, None),))
    assert with_content(one.subject, one.content()) == one
    assert with_content(one.subject, one.content(), {11}).triples == []
