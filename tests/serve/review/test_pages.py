"""Deciding over HTTP: articles, answers, and who may."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.serve.guard.roles import Role
from k3m_kg.serve.settings import AccessToken, ServeSettings
from tests.serve.conftest import Client, mark_of
from tests.serve.review.conftest import HOSTILE

SECRETS = {role: f"{role.name.lower()}-0123456789abc" for role in Role}


@pytest.fixture
def client(client_of: Client, queued: str) -> TestClient:
    return client_of(queued)


@pytest.fixture(autouse=True)
def _nothing_by_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("k3m_kg.graph.reviewing.desk.RANDOM_SHARE", 0.0)


def send(client: TestClient, path: str, **fields: object) -> Response:
    headers = {"x-csrf-token": mark_of(client, "/review")}
    return client.post(f"/review/{path}", data=fields, headers=headers)


def take(client: TestClient, count: int = 1, query: str = "", **fields: object) -> str:
    answer = send(client, f"next{query}", count=str(count), **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'data-item="(\d+)"', text)]


def test_an_item_shows_what_is_known_what_is_proposed_and_why(client: TestClient) -> None:
    text = take(client)
    assert re.search(r"Blue <mark>linen</mark> trousers", text)
    assert re.search(r'class="carried"><dt><bdi>colour</bdi></dt><dd><bdi>blue', text)
    assert 'class="chip" title="how sure the model is">50 %' in text
    assert "without the title 30 %" in text
    assert re.findall(r'data-other="(\w+)"', text) == ["S", "XL"]
    assert "/srv" not in text


def test_blind_shows_no_reason(client: TestClient) -> None:
    text = take(client, query="?blind=true")
    assert "<mark>" not in text
    assert "%" not in text.replace("%20", "")
    assert 'class="carried"' not in text
    assert "<dt><bdi>size" not in text, "a proposal that was written gives itself away"
    assert "Blue linen trousers" in text


def test_decided_and_taken_back(client: TestClient, queued: str) -> None:
    text = take(client, 2)
    first, second = numbers(text)
    answer = send(client, "decide", item=str(first), answer="correct", value="XXL")
    assert answer.json()["items"] == [first]
    with GraphStore.open(queued) as store:
        product = store.product("A-3")
        assert product is not None
        assert ("size", "XXL") in product.triples
        assert (
            store.runs(1)[0].source == "review:" + ReviewDesk(store).decided()[0].decision.reviewer
        )
    again = send(client, "undo")
    assert numbers(again.text) == [first]
    assert numbers(take(client, 2)) == [first, second]


def test_hostile_values_are_texts(client: TestClient) -> None:
    text = take(client, query="?property=colour&kind=proposal")
    assert HOSTILE not in text
    assert "&lt;img src=x" in text


def test_equal_ones_are_listed_and_decided_as_one_run(client: TestClient, queued: str) -> None:
    items = numbers(take(client, 5))
    shown = client.get("/review/equal", params={"item": items[1]}).text
    ids = re.findall(r'type="checkbox" value="(\d+)"', shown)
    assert len(ids) == 2
    answer = send(client, "decide", item=ids, answer="accept").json()
    assert sorted(answer["items"]) == sorted(map(int, ids))
    with GraphStore.open(queued) as store:
        assert store.run(answer["run"]).counts.triples_added == 2


def test_the_start_page_says_which_promise_is_broken(client: TestClient, queued: str) -> None:
    assert 'href="/review">5 items' in client.get("/review/promises").text
    with GraphStore.open(queued) as store:
        desk = ReviewDesk(store)
        offers = [
            ReviewOffer(id_, "warranty", "2 years", 0.99, promised=0.95)
            for id_ in ("A-1", "A-2", "A-3")
        ]
        desk.add("model", offers)
        for item in desk.next("ann", 3, property="warranty"):
            desk.decide("ann", [item.id], DecidedAs.REJECT)
    text = client.get("/review/promises").text
    assert "<b><bdi>warranty</bdi></b>: the promise of 95 % is broken" in text


def test_completion_of_values(client: TestClient) -> None:
    found = client.get("/review/values", params={"property": "size", "text": ""}).json()
    assert {row["value"] for row in found} == {"L", "M"}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"item": "999", "answer": "accept"}, 409),
        ({"item": "x", "answer": "accept"}, 400),
        ({"item": "1", "answer": "perhaps"}, 400),
        ({"item": "1", "answer": "correct"}, 400),
        ({"answer": "accept"}, 400),
    ],
)
def test_what_cannot_be_decided_is_refused(
    client: TestClient, fields: dict[str, object], status: int
) -> None:
    answer = send(client, "decide", **fields)
    assert answer.status_code == status


def test_only_forms_of_ours_decide(client: TestClient) -> None:
    (item,) = numbers(take(client))
    answer = client.post("/review/decide", data={"item": str(item), "answer": "accept"})
    assert answer.status_code == 403


def test_programs_say_who_decides_without_tokens_too(client: TestClient) -> None:
    def call(method: str, path: str, **more: object) -> Response:
        return client.request(method, f"/api/v1/{path}", headers={"x-k3m-name": "Ann"}, **more)

    client.cookies.clear()
    (item,) = call("post", "proposals/next", json={}).json()
    wanted = {"items": [item["id"]], "answer": "accept"}
    assert call("post", "decisions", json=wanted).status_code == 201
    (decided,) = call("get", "decisions").json()
    assert decided["reviewer"] == "Ann"


def test_readers_look_and_reviewers_decide(client_of: Client, queued: str) -> None:
    tokens = tuple(AccessToken(role, secret) for role, secret in SECRETS.items())
    client = client_of(queued, ServeSettings(tokens=tokens))

    def call(role: Role, method: str, path: str, name: str = "", **more: object) -> Response:
        headers = {"authorization": f"Bearer {SECRETS[role]}", "x-k3m-name": name}
        return client.request(method, f"/api/v1/{path}", headers=headers, **more)

    queue = call(Role.READER, "get", "proposals")
    assert [(row["property"], row["open"]) for row in queue.json()] == [
        ("colour", 1), ("colour", 1), ("size", 3)]  # fmt: skip
    refused = call(Role.READER, "post", "proposals/next", json={})
    assert refused.status_code == 403
    (item,) = call(Role.REVIEWER, "post", "proposals/next", "Ann", json={"order": "worth"}).json()
    assert item["model"] == "second"
    (other,) = call(Role.REVIEWER, "post", "proposals/next", "Bob", json={}).json()
    assert item["id"] != other["id"]
    wanted = {"items": [item["id"]], "answer": "accept"}
    taken = call(Role.REVIEWER, "post", "decisions", "Bob", json=wanted)
    assert taken.status_code == 409
    made = call(Role.REVIEWER, "post", "decisions", "Ann", json=wanted)
    assert made.status_code == 201
    (decided,) = call(Role.READER, "get", "decisions").json()
    assert (decided["reviewer"], decided["proposal"]["id"]) == ("Ann", item["id"])
    undone = call(Role.REVIEWER, "delete", "decisions/last", "Ann").json()
    assert undone["items"] == [item["id"]]
    one = call(Role.READER, "get", f"proposals/{item['id']}")
    assert not one.json()["decided"]
    assert call(Role.READER, "get", "proposals/77").status_code == 404
