"""The API: the same as the pages, as data; errors as problem details."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from tests.serve.conftest import ODD, Client

SELECT = "SELECT ?p WHERE { ?p a schema:Product } ORDER BY ?p LIMIT 2"


def test_products_are_found_and_counted(client: TestClient) -> None:
    found = client.get("/api/v1/products?q=shirt&limit=1").json()
    assert (found["total"], found["fresh"]) == (2, True)
    assert [product["id"] for product in found["products"]] == ["A-1"]
    facets = {facet["name"]: facet["values"] for facet in found["facets"]}
    assert facets["material"] == [{"value": "cotton", "products": 2}]
    assert client.get("/api/v1/products?facets=false").json()["facets"] == []


def test_a_product_comes_with_who_says_what(client: TestClient) -> None:
    found = client.get("/api/v1/product", params={"id": ODD}).json()
    assert found["title"] == "红色外套 émaillé"
    links = [(one["property"], one["value"]) for one in found["triples"] if one["link"]]
    assert links == [("variant of", "A-1")]
    assert found["triples"][0]["origins"][0]["source"] == "catalog.csv"
    alike = client.get("/api/v1/product/alike?id=A-1").json()
    assert alike[0]["product"]["id"] == "A-2"


def test_properties_values_and_runs(client: TestClient) -> None:
    properties = {one["name"]: one for one in client.get("/api/v1/properties").json()}
    assert properties["colour"] == {"name": "colour", "products": 5, "values": 3, "triples": 5}
    values = client.get("/api/v1/values?name=colour&q=gr").json()
    assert values == [{"value": "green", "products": 1}]
    assert [run["id"] for run in client.get("/api/v1/runs").json()] == [2, 1]
    (change,) = client.get("/api/v1/runs/2/diff").json()
    assert change["triples_added"] == [["size", "M"]]
    assert client.post("/api/v1/runs/2/undo").status_code == 415
    headers = {"Content-Type": "application/json"}
    assert client.post("/api/v1/runs/2/undo", headers=headers).json()["triples_removed"] == 1


def test_a_neighbourhood_is_bounded_and_says_what_it_leaves_out(client: TestClient) -> None:
    found = client.get("/api/v1/graph?text=A-1&limit=2").json()
    assert len(found["edges"]) == 2
    assert found["left_out"] == 2
    labels = {node["key"]: node["label"] for node in found["nodes"]}
    assert labels[found["center"]] == "Red cotton shirt"
    found = client.get("/api/v1/graph?kind=value&text=blue").json()
    assert {node["kind"] for node in found["nodes"]} == {"product", "value"}
    assert len(found["edges"]) == 2


@pytest.mark.parametrize(
    "path",
    ["/product?id=x", "/values?name=x", "/runs/9", "/graph?text=x", "/runs/9/diff", "/complete"],
)
def test_what_is_not_there_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code in (404, 405)
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_model_nothing_is_asked(client: TestClient) -> None:
    answer = client.post("/api/v1/complete", json={"products": ["A-1"]})
    assert (answer.status_code, answer.json()["detail"]) == (404, "No model is served.")
    answer = client.post("/api/v1/complete", json={"products": ["A-1"], "propertees": []})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "propertees: Extra inputs are not permitted.",
    )


def test_the_protocol_of_sparql(client: TestClient) -> None:
    url = "/api/v1/sparql"
    found = client.get(url, params={"query": SELECT})
    assert found.headers["content-type"] == "application/sparql-results+json"
    products = [row["p"]["value"] for row in found.json()["results"]["bindings"]]
    assert products[1] == "https://k3m-kg.org/product/A-1"
    csv = client.post(url, data={"query": SELECT}, headers={"Accept": "text/csv"})
    assert csv.text.splitlines()[0] == "p"
    assert len(csv.text.splitlines()) == 3
    headers = {"Content-Type": "application/sparql-query"}
    assert client.post(url, content="ASK { ?a ?b ?c }", headers=headers).json()["boolean"] is True
    graph = client.get(url, params={"query": "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3"})
    assert graph.headers["content-type"] == "application/n-triples"
    assert graph.text.count(" .\n") == 3


@pytest.mark.parametrize(
    "query", ["DROP ALL", "SELECT", "SELECT * { SERVICE <http://x> { ?a ?b ?c } }"]
)
def test_what_is_no_query_is_refused(client: TestClient, query: str) -> None:
    answer = client.get("/api/v1/sparql", params={"query": query})
    assert answer.status_code == 400
    assert answer.json()["title"] == "That cannot be understood"
    page = client.get("/query", params={"query": query})
    assert page.status_code == 400
    assert 'role="alert"' in page.text


def test_the_query_page_shows_rows_and_leads_on(client: TestClient) -> None:
    page = client.get("/query", params={"query": SELECT}).text
    assert f'href="/product?id={quote("A-1")}"' in page
    drawn = client.get(
        "/query", params={"query": "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3"}
    ).text
    assert "data-graph=" in drawn
    assert client.get("/query/names").json()["names"][0] == "colour"


def test_what_the_api_has_is_described(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/products", "/api/v1/sparql", "/api/v1/complete", "/api/v1/runs"} <= set(paths)
    page = client.get("/api").text
    for path in paths:
        assert f"<code>{path}</code>" in page


def test_no_other_site_asks_the_api(client: TestClient, client_of: Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.get("/api/v1/runs", headers=headers).status_code == 403
    assert client.get("/", headers=headers).status_code == 200
