"""Which pieces of a text can be values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from k3m_kg.spans.finding import MOST_IN_A_TEXT, MOST_WORDS, Span, TextWords, spans_of, value_key
from k3m_kg.spans.texts import LONG, TITLE, VALUE, ProductText


def found(text: str, kind: str = TITLE) -> list[Span]:
    return list(spans_of(TextWords.of(ProductText(kind, "title", text))))


def test_runs_of_words_with_and_without_a_sign_of_measure() -> None:
    texts = [span.text for span in found('Dell Latitude-7 24"')]
    assert texts[:5] == [
        "Dell", "Dell Latitude", "Dell Latitude-7", "Dell Latitude-7 24", 'Dell Latitude-7 24"',
    ]  # fmt: skip
    assert texts[5:] == [
        "Latitude", "Latitude-7", "Latitude-7 24", 'Latitude-7 24"', "7", "7 24", '7 24"',
        "24", '24"',
    ]  # fmt: skip


def test_no_span_goes_beyond_a_full_stop_or_a_line() -> None:
    texts = {span.text for span in found("red. blue\ngreen | U.S. made")}
    assert {"red", "blue", "green", "U.S"} <= texts
    assert not {"red. blue", "blue\ngreen", "green | U"} & texts


def test_another_value_is_taken_whole() -> None:
    assert [span.text for span in found("301 489-1", VALUE)] == ["301 489-1"]
    assert found(" - ", VALUE) == []


def test_scripts_without_spaces_have_spans_of_signs() -> None:
    assert "红色" in {span.text for span in found("大红色T恤")}


def test_keys_know_no_case_and_no_width_of_blanks() -> None:
    assert value_key(" Blue\u00a0 GRASS ") == value_key("blue grass")
    assert value_key("Straße") == value_key("STRASSE")


@given(st.text(max_size=300), st.sampled_from([TITLE, LONG]))
def test_spans_are_what_stands_there_and_bounded(text: str, kind: str) -> None:
    spans = found(text, kind)
    assert all(span.text == text[span.start : span.end] for span in spans)
    assert all(1 <= span.words <= MOST_WORDS[kind] for span in spans)
    assert len({(span.start, span.end) for span in spans}) == len(spans)


def test_long_texts_are_cut() -> None:
    spans = found("word " * 5000, LONG)
    assert len(spans) <= MOST_IN_A_TEXT * MOST_WORDS[LONG]
