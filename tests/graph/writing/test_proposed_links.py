"""Links between products that a model proposes: written, shown as links, refused, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import GraphError
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import ProposedTriple, SourceVersion, Statement
from k3m_kg.records import ProductRecord

SAME = "same product as"


def test_a_proposed_link_leads_to_a_product_and_is_taken_back(tmp_path: Path) -> None:
    with GraphStore.create(f"sqlite:///{tmp_path}/g.db")[0] as store:
        with store.writing() as writer:
            session = writer.session(SourceVersion("a.csv", "csv", "d"), lambda images: [])
            session.write([Statement(ProductRecord(id_, id_)) for id_ in ("a", "b", "c")])
            session.finish(0)
        with store.writing() as writer:
            run = writer.propose(
                "model",
                [
                    ProposedTriple("b", SAME, "a", 0.9, link=True),
                    ProposedTriple("c", SAME, "a", 0.8, link=True),
                    ProposedTriple("c", SAME, "b", 0.7, link=True),
                    ProposedTriple("b", "note", "a", 0.9),
                ],
            )
        assert store.run(run).counts.triples_added == 4
        found = store.product("c")
        assert found is not None
        assert (found.links, found.triples) == (((SAME, "a"), (SAME, "b")), ())
        found = store.product("b")
        assert found is not None
        assert (found.links, found.triples) == (((SAME, "a"),), (("note", "a"),))
        changed = {one.name: one.triples_added for one in store.diff(run)}
        assert changed["b"] == ((SAME, "a"), ("note", "a"))
        with store.writing() as writer:
            writer.undo(run)
        found = store.product("c")
        assert found is not None
        assert not found.links
        with store.writing() as writer, pytest.raises(GraphError, match="no product 'z'"):
            writer.propose("model", [ProposedTriple("b", SAME, "z", 0.9, link=True)])
