"""A page's parts: what is not ours is escaped, figures keep their line, wide tables scroll."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from k3m_kg.pages.cards import Bar, Card, cards
from k3m_kg.pages.html import POLICY, best, document, figure, image, table, text, tiles

EVIL = '<script>alert(1)</script>" onload="x" \u202e\x1b[31m$x^{y'


class Parsed(HTMLParser):
    """Every tag with its attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize(
    "page",
    [
        text(EVIL),
        document(EVIL, [""]),
        figure(b"png", EVIL),
        image(b"png", alt=EVIL),
        cards([Card(EVIL, None, known=[EVIL], notes=[EVIL], asked=[(EVIL, [Bar(EVIL, 0.5)])])]),
    ],
)
def test_a_catalogs_text_is_never_part_of_the_page(page: str) -> None:
    found = Parsed(page)
    assert "script" not in {tag for tag, _ in found.tags}
    assert not any(name.startswith("on") for _, given in found.tags for name in given)
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_a_page_asks_nobody_for_anything() -> None:
    page = document("a page", [figure(b"png", "a plot"), "", table("|a", "b", rows=[("x", "1")])])
    found = Parsed(page)
    policy = [given for tag, given in found.tags if given.get("http-equiv")]
    assert policy == [{"http-equiv": "Content-Security-Policy", "content": POLICY}]
    assert "'none'" in POLICY
    assert "script" not in POLICY
    sources = [given["src"] for _, given in found.tags if "src" in given]
    assert [source[:22] for source in sources if source] == ["data:image/png;base64,"]
    assert not {"link", "script", "iframe"} & {tag for tag, _ in found.tags}
    assert "url(" not in page
    assert "@import" not in page


def test_a_table_scrolls_by_itself_and_its_figures_are_no_text() -> None:
    found = Parsed(table("|property", "share", "||values", rows=[("colour", "100.0 %", "red")]))
    assert found.tags[0] == ("div", {"class": "scroll", "tabindex": "0"})
    kinds = [given.get("class") for tag, given in found.tags if tag in ("th", "td")]
    assert kinds == 2 * ["text", None, "text wide"]
    assert "property" in found.words
    assert "|" not in found.words
    style = document("", [])
    assert "th, td { padding: 4px 14px 4px 0; text-align: right;" in style
    assert "white-space: nowrap; }" in style


def test_long_texts_are_cut_and_short_ones_are_not() -> None:
    assert Parsed(text("x" * 500)).words == "x" * 119 + "…"
    assert Parsed(text("short")).words == "short"
    assert best("9", yes=False) == "9"
    assert Parsed(best("9")).words == "9"
    assert Parsed(tiles({"products": "1,234"})).words == "1,234products"


def test_a_card_says_what_is_not_there() -> None:
    whole = Card("a coat", b"jpg", "jpeg", ["red"], ["odd"], [("size", [Bar("42", 0.123, True)])])
    page = cards([whole, Card(None, None)])
    found = Parsed(page)
    assert "data:image/jpeg;base64," in page
    assert found.words == "a coatoddred\u200bsize?4212 %no picture(no title)"
    widths = [given["style"] for tag, given in found.tags if tag == "i"]
    assert widths == ["width:12.3%"]
