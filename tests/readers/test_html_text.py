"""HTML to text."""

from __future__ import annotations

from random import Random

import pytest

from k3m_kg.readers.html_text import html_to_text
from tests.processes import no_hang


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("no markup  at\nall", "no markup at all"),
        ("<p>one</p><p>two<br/>three</p>", "one\ntwo\nthree"),
        ("<ul><li>a</li>\n<li>b</li></ul>", "a\nb"),
        ("a <b>w</b>ord", "a word"),
        ("<td>a</td><td>b</td>", "a b"),
        (
            "&bull; 5&nbsp;&lt; 6 &amp;amp; &#233;&eacute; &unknown; & x",
            "• 5 < 6 &amp; éé &unknown; & x",
        ),
        ("a<script>x < 1 && '</p>'</script>b<STYLE>p{}</style>c", "abc"),
        ("a<!-- <p> -->b<!DOCTYPE html>c<?php x ?>d", "abcd"),
        ("<a title='a > b' href=\"x>y\">link</a>", "link"),
        ("<img alt='never closed> after", "after"),
        ("5 < 6 > 4 and <3", "5 < 6 > 4 and <3"),
        ("cut <a href=", "cut"),
        ("<script>never closed", ""),
        ("&#xD800;&#0;&#99999999;", "���"),
    ],
)
def test_what_a_reader_sees(source: str, text: str) -> None:
    assert html_to_text(source) == text


@pytest.mark.parametrize(
    "piece",
    ["<", "<!", "<!--", "<a", "<a b", "<a b=\"", "<a b='", "<script>", "&", "&#1", "</", "<a\n",
     "<a \"'", "<![", "<script></scrip", "<a '\">"],
)  # fmt: skip
def test_no_markup_takes_long(piece: str) -> None:
    with no_hang():  # it is a tenth of a second; quadratic is an hour
        html_to_text((piece * 500_000)[:500_000])
        html_to_text((piece * 500_000)[:500_000] + ">")


def test_plain_tags_say_what_they_do_where_others_are_beside_them() -> None:
    """Most descriptions are read in one go, those with a comment, say, tag by tag."""
    tokens = [
        "<p>", "</p>", "<BR >", "<b>", "</TD>", "<th x=1>", "<li\n>", "<scripty>", "&amp;", "&#10;",
        "&am", "p;", "&lt;", "x", "y z", "\n", "\r", ">", " ", "&#x1e;", "\u2028",
    ]  # fmt: skip
    random = Random(7)
    for _ in range(500):
        source = "".join(random.choices(tokens, k=6))
        assert html_to_text(source) == html_to_text(f"{source}<!-- -->")
