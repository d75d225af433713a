from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.records import RejectedRow

from .. import EXAMPLES, products, told, values, written


@pytest.mark.parametrize("name", ["google-merchant.tsv", "google-merchant-rss.xml"])
def test_table_and_feed_say_the_same(name: str) -> None:
    television = products(EXAMPLES / name, "google-merchant")["TV_1"]
    assert television.title == 'Television, 55"'
    assert television.category == "Home > TV"
    assert television.images == tuple(
        f"https://cdn.example/tv1{end}.jpg" for end in ("", "-side", "-back")
    )
    assert values(television) == {
        "description": ["Bright panel"],
        "price": ["499.00 EUR"],
        "sale_price": ["449.00 EUR"],
        "brand": ["Brightline"],
        "gtin": ["0811571013579"],
        "mpn": ["BL55"],
        "condition": ["new"],
        "google_product_category": ["Electronics > Video > Televisions"],
        "color": ["black"],
        "Resolution": ["3840 x 2160"],
        "Refresh rate": ["120 Hz"],
    }


def test_the_template_of_meta_has_a_row_above_its_header(tmp_path: Path) -> None:
    text = (
        '# Required | A unique id,# Required | A title,"# Required | in stock, say",# Required | A'
        " picture,# Optional | Style,# Optional | Video\n"
        "id,title,availability,image_link,style[0],video[0].url\n"
        "M-1,Mug,in stock,https://a.example/1.jpg,casual,https://a.example/1.mp4\n"
    )
    path = written(tmp_path, text, "catalog.csv")
    assert told(path)[0] == "google-merchant"
    found = products(path, "google-merchant")
    assert found["M-1"].images == ("https://a.example/1.jpg",)
    assert values(found["M-1"]) == {"style": ["casual"]}


def test_atom_is_read_and_entities_of_html_need_no_declaration() -> None:
    found = products(EXAMPLES / "google-merchant-atom.xml", "google-merchant")
    assert list(found) == ["TV_1", "SHIRT_S"]
    assert values(found["TV_1"])["brand"] == ["Brightline\xa0SA"]
    assert (found["SHIRT_S"].title, found["SHIRT_S"].line) == ("Linen shirt", 12)


def test_an_item_without_an_id_is_rejected_with_its_line(tmp_path: Path) -> None:
    text = (EXAMPLES / "google-merchant-rss.xml").read_text().replace("<g:id>SHIRT_S</g:id>", "")
    _, records = told(written(tmp_path, text, "feed.xml"))
    assert [r.line for r in records if isinstance(r, RejectedRow)] == [38]
    assert len(records) == 2


def test_a_feed_that_is_cut_off_is_one_error(tmp_path: Path) -> None:
    text = (EXAMPLES / "google-merchant-rss.xml").read_text()
    path = written(tmp_path, text[: text.index("<g:gtin>")], "feed.xml")
    with pytest.raises(CatalogError, match="no well-formed XML"):
        told(path)


def test_a_feed_of_news_is_none_of_products(tmp_path: Path) -> None:
    text = '<rss version="2.0"><channel><item><title>News</title></item></channel></rss>'
    with pytest.raises(Exception, match="name of an id"):
        told(written(tmp_path, text, "feed.xml"))
