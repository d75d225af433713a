"""A graph with a queue of proposals and a finding."""

from __future__ import annotations

import pytest

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import ReviewOffer
from k3m_kg.graph.store import GraphStore

HOSTILE = '<img src=x onerror="window.hacked=1">'
EVIDENCE = {
    "alternatives": [{"value": "S", "probability": 0.2}, {"value": "XL", "probability": 0.1}],
    "parts": [
        {"kind": "title", "text": "linen", "drop": 0.3},
        {"kind": "triple", "text": "colour: blue", "drop": 0.2},
        {"kind": "image", "text": "top", "drop": 0.1, "box": [0.1, 0.1, 0.5, 0.5]},
    ],
    "without": {"title": 0.3},
}
OFFERS = [
    ReviewOffer("A-3", "size", "M", 0.5, details=EVIDENCE),
    ReviewOffer("A-4", "size", "L", 0.6),
    ReviewOffer("A-6", "size", "L", 0.7, details={"parts": "no list", "without": 3}),
    ReviewOffer("A-6", "colour", HOSTILE, 0.8),
    ReviewOffer("A-2", "colour", "green", 0.9, stated="blue"),
]


@pytest.fixture
def queued(graph: str) -> str:
    """The graph's URL; its model proposes what `OFFERS` has, least sure first."""
    with GraphStore.open(graph) as store:
        ReviewDesk(store).add("/srv/secret/models/second", OFFERS)
    return graph
