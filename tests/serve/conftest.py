"""A small graph, and the application over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import ProposedTriple, SourceVersion, Statement
from k3m_kg.records import ProductRecord
from k3m_kg.serve.app import create_app
from k3m_kg.serve.settings import ServeSettings

ORIGIN = "http://127.0.0.1:8765"
COTTON, LINEN = ("material", "cotton"), ("material", "linen")
RED, BLUE, GREEN = ("colour", "red"), ("colour", "blue"), ("colour", "green")
ODD = "../A/5?x=1&y#z"
PRODUCTS = [
    ProductRecord("A-1", "Red cotton shirt", "Shirts", (), (RED, COTTON, ("size", "M"))),
    ProductRecord("A-2", "Blue cotton shirt", "Shirts", (), (BLUE, COTTON, ("size", "L"))),
    ProductRecord("A-3", "Blue linen trousers", "Trousers", (), (BLUE, LINEN)),
    ProductRecord("A-4", None, "Trousers", (), (GREEN,)),
    ProductRecord(ODD, "红色外套 émaillé", None, (), (RED,), 1, (("variant of", "A-1"),)),
    ProductRecord("A-6", "A bare thing", None, (), ()),
]
Client = Callable[..., TestClient]


@pytest.fixture
def graph(tmp_path: Path) -> str:
    """A graph of six products from one source, and a run that proposed a size of A-3."""
    url = f"sqlite:///{tmp_path}/shop.db"
    fill(url)
    return url


def fill(url: str, products: list[ProductRecord] = PRODUCTS) -> None:
    """Make the graph."""
    store, _ = GraphStore.create(url)
    with store:
        with store.writing() as writer:
            version = SourceVersion("/srv/secret/catalog.csv", "csv", "d" * 64)
            session = writer.session(version, lambda images: [])
            session.write([Statement(record) for record in products])
            session.finish(0)
        with store.writing() as writer:
            ids = {product.id for product in products}
            wanted = [ProposedTriple("A-3", "size", "M", 0.83)] if "A-3" in ids else []
            if wanted:
                writer.propose("/srv/secret/models/first", wanted)


@pytest.fixture
def client_of() -> Iterator[Client]:
    """A client of the application over a graph, as a browser on the same machine is one."""
    with ExitStack() as stack:

        def make(
            url: str, settings: ServeSettings | None = None, model: Path | None = None
        ) -> TestClient:
            app = create_app(url, model, settings)
            client = TestClient(app, base_url=ORIGIN, raise_server_exceptions=False)
            return stack.enter_context(client)

        yield make


@pytest.fixture
def client(client_of: Client, graph: str) -> TestClient:
    """Of somebody on this machine, without tokens: an admin."""
    return client_of(graph)


def mark_of(client: TestClient, path: str = "/") -> str:
    """What a form must carry, from a page of this session."""
    text = client.get(path).text
    return text.partition('data-mark="')[2].partition('"')[0]
