"""The model behind the pages and the API: the same answers as the library's, drawn."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.serve.app import create_app
from k3m_kg.serve.explore.proposals import marked, shown_evidence
from k3m_kg.use.completion.lacking import what_applies
from k3m_kg.use.completion.proposals import Explanation, Part
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.conftest import _one_thread, opened
from tests.serve.conftest import ORIGIN

__all__ = ["_one_thread", "opened"]


@pytest.fixture(scope="module")
def asked(opened: OpenModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application over the products that the tiny model was trained on."""
    url = f"sqlite:///{tmp_path_factory.mktemp('serve')}/shop.db"
    records = []
    for row in range(len(opened.snapshot)):
        product = opened.snapshot.product(row)
        records.append(ProductRecord(product.id, product.title, None, (), product.properties))
    with GraphStore.create(url)[0] as store, store.writing() as writer:
        session = writer.session(SourceVersion("a.csv", "csv", "d"), lambda images: [])
        session.write([Statement(record) for record in records])
        session.finish(0)
    app = create_app(url, opened.trained.path)
    with TestClient(app, base_url=ORIGIN) as client:
        first = {"products": [opened.snapshot.ids[0]]}
        assert client.post("/api/v1/complete", json=first).is_success  # the model is open from here
        yield client


def test_completion_is_the_library_s(asked: TestClient, opened: OpenModel) -> None:
    rows = opened.rows()[:6]
    ids = [opened.snapshot.ids[row] for row in rows]
    expected = [
        proposal.record()
        for proposal in complete(
            opened.predictor,
            opened.batcher,
            rows,
            CompletionSettings(top_k=2, known_too=True, applies=0),
            applies=what_applies(opened),
        )
    ]
    body = {"products": ids, "top": 2, "known_too": True, "applies": 0}
    found = asked.post("/api/v1/complete", json=body).json()
    assert [(one["product"], one["property"], one["value"]) for one in found] == [
        (one["product"], one["property"], one["value"]) for one in expected
    ]
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["probability"] == pytest.approx(theirs["probability"], abs=1e-4)
    told = asked.post("/api/v1/complete", json={**body, "explain": True}).json()
    assert any("explanation" in one for one in told)


def test_vectors_and_findings(asked: TestClient, opened: OpenModel) -> None:
    ids = [opened.snapshot.ids[row] for row in opened.rows()[:3]]
    vectors = asked.post("/api/v1/embed", json={"products": ids}).json()
    assert [one["product"] for one in vectors] == ids
    assert len(vectors[0]["vector"]) == opened.vectors(opened.rows()[:1]).shape[1]
    findings = asked.post("/api/v1/audit", json={"products": ids}).json()
    assert {one["product"] for one in findings} <= set(ids)


def test_products_are_found_by_words_picture_and_likeness(
    asked: TestClient, opened: OpenModel
) -> None:
    titles = opened.snapshot.titles.to_pylist()
    row = next(row for row, title in enumerate(titles) if title and titles.count(title) == 1)
    found = asked.get("/api/v1/search", params={"q": titles[row], "limit": 3}).json()
    assert found[0]["product"] == opened.snapshot.ids[row]
    assert len(found) == 3
    content = io.BytesIO()
    opened.snapshot.image(2).save(content, "PNG")  # type: ignore[union-attr]
    path, kind = "/api/v1/search/picture", {"content-type": "image/png"}
    assert len(asked.post(path, content=content.getvalue(), headers=kind).json()) == 10
    answer = asked.post(path, content=b"no picture", headers=kind)
    assert (answer.status_code, "not a picture" in answer.text) == (409, True)
    assert asked.post(path, json={}).status_code == 415
    assert asked.get("/api/v1/search", params={"q": "-"}).status_code == 422
    id_ = opened.snapshot.ids[row]
    alike = asked.get("/api/v1/product/similar", params={"id": id_, "limit": 4}).json()
    assert id_ not in [one["product"] for one in alike]
    assert len(alike) == 4
    for text in (
        asked.get("/product/similar", params={"id": id_}).text,
        asked.get("/browse/model", params={"q": titles[row]}).text,
    ):
        assert text.count("<li>") == 8
    assert "/browse/model?q=oak" in asked.get("/browse", params={"q": "oak"}).text


def test_what_is_the_same_says_whether_it_is_calibrated(
    asked: TestClient, opened: OpenModel
) -> None:
    ids = [opened.snapshot.ids[row] for row in opened.rows()[:3]]
    answer = asked.post("/api/v1/match", json={"products": ids, "probability": 0}).json()
    assert answer["calibrated"] is False
    for one in answer["pairs"]:
        assert {one["product"], one["same_as"]} & {*ids}
    shares = [one["probability"] for one in answer["pairs"]]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) >= 10


def test_what_the_model_does_not_know_is_told(asked: TestClient, opened: OpenModel) -> None:
    known = opened.snapshot.ids[0]
    answer = asked.post("/api/v1/complete", json={"products": [known, "nope"]})
    assert answer.status_code == 409
    assert "no product 'nope'" in answer.json()["detail"]
    answer = asked.post("/api/v1/complete", json={"products": [known], "properties": ["nope"]})
    assert answer.status_code == 400
    answer = asked.post("/api/v1/complete", json={"products": [known] * 1001})
    assert answer.status_code == 422


def test_a_product_s_page_shows_what_is_proposed_and_why(
    asked: TestClient, opened: OpenModel
) -> None:
    id_ = opened.snapshot.ids[0]
    text = asked.get("/product/proposals", params={"id": id_}).text
    assert "Ask what is stated, too" in text
    text = asked.get("/product/proposals", params={"id": id_, "known": "1"}).text
    assert '<span class="chip good">stated</span>' in text
    found = re.search(r'hx-get="(/product/why[^"]*)"', text)
    assert found is not None
    why = asked.get(html.unescape(found[1]))
    assert why.status_code == 200
    assert "Without" in why.text
    assert asked.get("/product/why?id=x&name=a&value=b").status_code == 409


def test_evidence_is_drawn_where_it_is() -> None:
    parts = (
        Part("title", "cotton", 0.3),
        Part("image", "left", 0.2, (0.25, 0.0, 0.75, 0.5)),
        Part("triple", "colour: red", 0.1),
        Part("weight", "number 1", 0.05),
    )
    drawn = shown_evidence(Explanation(parts, {"title": 0.4}), "A <b>Cotton</b> & cottons")
    assert str(drawn.title) == ("<bdi>A &lt;b&gt;<mark>Cotton</mark>&lt;/b&gt; &amp; cottons</bdi>")
    assert drawn.regions[0][:4] == (25, 0, 50, 50)
    assert [part.text for part in drawn.triples] == ["colour: red"]
    assert [part.text for part in drawn.others] == ["number 1"]
    assert str(marked("a.b (c", ["(c", "a.b"])) == "<bdi><mark>a.b</mark> <mark>(c</mark></bdi>"


def test_a_damaged_model_leaves_the_graph_s_pages(graph: str, tmp_path: Path) -> None:
    app = create_app(graph, tmp_path / "nothing")
    with TestClient(app, base_url=ORIGIN) as client:
        answer = client.post("/api/v1/complete", json={"products": ["A-1"]})
        assert answer.status_code == 409
        assert str(tmp_path) not in answer.text
        assert client.get("/product?id=A-1").status_code == 200
