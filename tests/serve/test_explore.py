"""The pages of the graph: found, counted, shown with who says so."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import LocatedImage, SourceVersion, Statement
from k3m_kg.pictures.checker import check_image
from k3m_kg.records import ProductRecord
from k3m_kg.serve.browse.index import BrowseIndex, Wanted
from k3m_kg.serve.browse.kept import KeptFromGraph
from k3m_kg.serve.browse.words import StoredWords, WordsInMemory, fill_words, words_of
from k3m_kg.serve.explore.asked import pair_text
from k3m_kg.serve.guard.roles import Role
from k3m_kg.serve.settings import AccessToken, ServeSettings
from tests.serve.conftest import ODD, Client, fill, mark_of


def ids(page: str) -> list[str]:
    """The products that a list shows."""
    found = re.findall(r'<a class="name" href="/product\?id=([^"]*)"', page)
    return [html.unescape(one) for one in found]


def quoted(*names: str) -> list[str]:
    return [quote(name, safe="") for name in names]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["A-1", "A-2", "A-3", "A-4", ODD, "A-6"]),
        ("q=shirt", ["A-1", "A-2"]),
        ("q=SHI+cot", ["A-1", "A-2"]),
        ("q=trousers+blue", ["A-3"]),
        ("q=linen", ["A-3"]),
        ("q=green", ["A-4"]),
        ("q=emaille", [ODD]),
        ("q=外套", [ODD]),
        ("q=A-6", ["A-6"]),
        ("q=%22cotton+red%22", []),
        ("q=%22red+cotton%22", ["A-1"]),
        ("q=NEAR(+*+AND+%22", ["none"]),
        (f"f={pair_text('colour', 'blue')}", ["A-2", "A-3"]),
        (f"f={pair_text('colour', 'blue')}&f={pair_text('size', 'M')}", ["A-3"]),
        (f"f={pair_text('variant of', 'A-1')}", [ODD]),
        (f"f={pair_text('colour', 'pink')}", []),
        ("lacks=size", ["A-4", ODD, "A-6"]),
        ("lacks=nothing", ["A-1", "A-2", "A-3", "A-4", ODD, "A-6"]),
        ("without=title", ["A-4"]),
        ("without=triples", ["A-6"]),
        ("category=Shirts", ["A-1", "A-2"]),
        ("category=Hats", []),
        ("source=catalog.csv&q=bare", ["A-6"]),
    ],
)
def test_lists_hold_what_was_asked_for(client: TestClient, query: str, found: list[str]) -> None:
    answer = client.get(f"/browse?{quote(query, safe='=&%+*')}")
    assert answer.status_code == 200
    assert ids(answer.text) == ([] if found == ["none"] else quoted(*found))


def test_facets_count_what_was_found(client: TestClient) -> None:
    text = client.get("/browse?category=Trousers&facet=size").text
    facets = {
        re.sub("<.*?>", "", block.partition("</h2>")[0]): re.findall(
            r"<bdi>([^<]*)</bdi></span><b>(\d+)</b>", block
        )
        for block in text.split('<section class="facet">')[1:]
        for block in [block.partition("<h2>")[2]]
    }
    assert facets["category"] == [("Trousers", "2")]
    assert facets["colour"] == [("blue", "1"), ("green", "1")]
    assert facets["size"] == [("M", "1")]


@pytest.mark.parametrize("query", ["f=colour", "page=0", "without=x", "q=" + "a" * 3000])
def test_what_cannot_be_asked_is_told(client: TestClient, query: str) -> None:
    answer = client.get(f"/browse?{query}")
    assert answer.status_code == 422
    assert "cannot be understood" in answer.text


def test_a_product_tells_who_says_what(client: TestClient) -> None:
    text = client.get("/product?id=A-3").text
    assert "Blue linen trousers" in text
    assert '<a href="/runs/1" title="run 1' in text
    assert "catalog.csv" in text
    assert "proposal 83 %" in text
    assert "secret" not in text
    assert "first" in text  # the artifact that proposed
    odd = client.get(f"/product?id={quote(ODD, safe='')}").text
    assert "→ <bdi>A-1</bdi>" in odd
    assert "Linked from" in client.get("/product?id=A-1").text
    alike = client.get("/product/alike?id=A-1").text
    assert alike.index("Blue cotton shirt") < alike.index("/product?id=A-3")


def test_properties_and_values_lead_to_each_other(client: TestClient) -> None:
    assert "colour" in client.get("/properties").text
    colour = client.get("/property?name=colour").text
    assert re.search(r"<bdi>blue</bdi></a></td><td class=\"number\">2</td>", colour)
    found = client.get("/property?name=colour&q=gre").text
    assert "<bdi>green</bdi>" in found
    assert "<bdi>blue</bdi>" not in found
    value = client.get("/value?name=colour&value=blue").text
    assert "2 products have it" in value
    assert ids(value) == ["A-2", "A-3"]


@pytest.mark.parametrize(
    "path",
    ["/product?id=x", "/property?name=x", "/value?name=colour&value=x", "/runs/9", "/picture?id=x"],
)
def test_what_is_not_there_is_a_clean_404(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_run_is_shown_and_taken_back(client: TestClient) -> None:
    text = client.get("/runs/2").text
    assert "proposed" in text
    assert "<ins><bdi>size</bdi>: <bdi>M</bdi></ins>" in text
    assert client.post("/runs/2/undo").status_code == 403
    client.post("/runs/2/undo", data={"csrf": mark_of(client)})
    assert "Taken back" in client.get("/runs/2").text
    assert "proposal 83 %" not in client.get("/product?id=A-3").text
    assert ids(client.get("/browse?lacks=size").text)[0] == "A-3"  # counted anew
    again = client.post("/runs/2/undo", data={"csrf": mark_of(client)})
    assert again.status_code == 409
    assert "undone before" in again.text


def test_a_catalog_s_run_is_for_admins_to_take_back(client_of: Client, graph: str) -> None:
    secret = "reviewer-secret-token"
    settings = ServeSettings(tokens=(AccessToken(Role.REVIEWER, secret),))
    client = client_of(graph, settings)
    form = {"csrf": mark_of(client, "/login"), "to": "/", "name": "Ann", "token": secret}
    client.post("/login", data=form)
    assert "Take it back" not in client.get("/runs/1").text
    assert client.post("/runs/1/undo", data={"csrf": mark_of(client)}).status_code == 403
    assert "Take it back" in client.get("/runs/2").text


def test_pictures_are_drawn_anew_and_nothing_else_is_sent(
    client_of: Client, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "b.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    url = f"sqlite:///{tmp_path}/g.db"
    with GraphStore.create(url)[0] as store, store.writing() as writer:
        session = writer.session(
            SourceVersion("/srv/a.csv", "csv", "d"),
            lambda images: [check_image(Path(str(image.path))) for image in images],
        )
        located = tuple(
            LocatedImage(f"/srv/pictures/{name}", str(tmp_path / name), 1, 1)
            for name in ("a.png", "b.svg")
        )
        names = tuple(image.source for image in located)
        session.write([Statement(ProductRecord("p", "A", None, names, ()), located)])
        session.finish(0)
    client = client_of(url)
    small = client.get("/picture?id=p&n=0")
    assert small.headers["content-type"] in ("image/png", "image/jpeg")
    assert client.get("/picture?id=p&n=1").status_code == 404
    assert client.get("/picture?id=p&n=2").status_code == 404
    etag = {"If-None-Match": small.headers["etag"]}
    assert client.get("/picture?id=p&n=0", headers=etag).status_code == 304
    text = client.get("/product?id=p").text
    assert "b.svg: not usable" in text.replace("<bdi>", "").replace("</bdi>", "")
    assert str(tmp_path) not in text
    assert "/srv" not in text
    (tmp_path / "a.png").write_bytes(b"changed")
    assert client.get("/picture?id=p&n=0&size=800").status_code == 404


def test_a_graph_without_anything_is_shown_too(client_of: Client, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    GraphStore.create(url)[0].close()
    client = client_of(url)
    for path in ("/", "/browse", "/browse?q=a", "/properties", "/runs", "/start/quality"):
        assert client.get(path).status_code == 200


def test_counts_agree_with_the_graph(database_url: str) -> None:
    fill(database_url)
    with GraphStore.open(database_url) as store:
        products = list(store.iter_products())
        with store.reading() as reader:
            index = BrowseIndex.read(reader, words_of(store, reader))
        assert len(index) == len(products)
        for one in index.properties:
            pairs = [
                (product.id, value)
                for product in products
                for name, value in (*product.triples, *product.links)
                if name == one.name
            ]
            assert one.triples == len(pairs)
            assert one.products == len({id_ for id_, _ in pairs})
            assert one.values == len({value for _, value in pairs})
        everything = index.select(Wanted(), {})
        assert (everything.total, everything.among_N) == (len(products), None)


def test_words_are_found_whether_the_database_may_be_written_or_not(database_url: str) -> None:
    fill(database_url)
    searched = {"cotton": 2, "SHI": 2, "a": 6, '"red cotton"': 1, "外套": 1, "emaille red": 1}
    with GraphStore.open(database_url) as store:
        with store.writing(), store.reading() as reader:
            kinds = [words_of(store, reader)]
        assert isinstance(kinds[0], WordsInMemory)
        fill_words(store)
        with store.reading() as reader:
            kinds.append(words_of(store, reader))
            assert isinstance(kinds[1], StoredWords)
            for words in kinds:
                index = BrowseIndex.read(reader, words)
                found = {query: index.select(Wanted(query), {}).total for query in searched}
                assert found == searched


def test_what_is_kept_is_made_anew_when_the_graph_changes(graph: str) -> None:
    made = []
    with GraphStore.open(graph) as store:
        kept = KeptFromGraph(store, lambda reader: made.append(1) or len(made))
        patience = 60.0
        first = kept.get(patience)
        assert first is not None
        assert (first.value, first.fresh, first.run) == (1, True, 2)
        assert kept.get(patience) == first
        with store.writing() as writer:
            writer.undo(2)
        second = kept.get(patience)
        assert second is not None
        assert (second.value, second.fresh) == (2, True)
