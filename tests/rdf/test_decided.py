"""Decisions as RDF: who said what of which triple."""

from __future__ import annotations

from pathlib import Path

import rdflib

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import SourceVersion, Statement
from k3m_kg.rdf.decided import export_decisions
from k3m_kg.records import ProductRecord
from k3m_kg.vocabulary import K3M, PRODUCT, PROPERTY, PROV, RDF, REVIEWER, mint

_ASKED = """
SELECT ?product ?property ?value ?judged ?who ?answer ?model ?probability ?time WHERE {
  ?said rdf:subject ?product ; rdf:predicate ?property ; rdf:object ?value ; k3m:judged ?judged ;
        prov:wasGeneratedBy ?decision .
  ?decision a k3m:Decision, prov:Activity ; prov:wasAssociatedWith ?who ; k3m:answer ?answer ;
        k3m:model ?model ; k3m:probability ?probability ; prov:endedAtTime ?time .
}
"""


def test_each_judged_triple_says_who_decided_it(tmp_path: Path) -> None:
    store, _ = GraphStore.create(f"sqlite:///{tmp_path / 'graph.db'}")
    with store.writing() as writer:
        session = writer.session(SourceVersion("shop.csv", "csv", "d"), lambda images: [])
        red = (("colour", "red"),)
        session.write([Statement(ProductRecord(f"P{n}", "x", None, (), red)) for n in range(4)])
        session.finish(0)
    desk = ReviewDesk(store)
    hostile = 'a "b" <c>\n'
    desk.add(
        "/srv/secret/model@12",
        [
            ReviewOffer("P0", "size", hostile, 0.6),
            ReviewOffer("P1", "colour", "blue", 0.7, stated="red"),
            ReviewOffer("P2", None, "Shoes", 0.8),
            ReviewOffer("P3", "size", "L", 0.9),
        ],
    )
    items = {item.product: item.id for item in desk.next("ann lee", 4)}
    desk.decide("ann lee", [items["P0"]], DecidedAs.ACCEPT)
    desk.decide("ann lee", [items["P1"]], DecidedAs.CORRECT, "green")
    desk.decide("ann lee", [items["P2"]], DecidedAs.REJECT)
    desk.decide("ann lee", [items["P3"]], DecidedAs.SKIP)
    out = tmp_path / "decisions.nt"
    count, triples = export_decisions(store, out)
    graph = rdflib.Graph().parse(out)
    assert count == 4
    assert len(out.read_text().splitlines()) == triples
    assert "secret" not in out.read_text()
    rows = graph.query(_ASKED, initNs={"rdf": RDF, "k3m": K3M, "prov": PROV})
    found = {
        (str(row.product), str(row.property), str(row.value), str(row.judged)): row for row in rows
    }
    assert set(found) == {
        (mint(PRODUCT, "P0"), mint(PROPERTY, "size"), hostile, "right"),
        (mint(PRODUCT, "P1"), mint(PROPERTY, "colour"), "blue", "wrong"),
        (mint(PRODUCT, "P1"), mint(PROPERTY, "colour"), "red", "misstated"),
        (mint(PRODUCT, "P1"), mint(PROPERTY, "colour"), "green", "right"),
        (mint(PRODUCT, "P2"), "https://schema.org/category", "Shoes", "wrong"),
    }
    one = next(row for key, row in found.items() if key[2] == hostile)
    assert str(one.who) == mint(REVIEWER, "ann lee")
    assert (str(one.answer), str(one.model), one.probability.toPython()) == (
        "accept",
        "model@12",
        0.6,
    )
    assert one.time.toPython().tzinfo is not None
