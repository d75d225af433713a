"""What people decided as RDF: who said when of which triple that it is right or wrong (PROV-O).

A decision about an item is `decision/RUN-ITEM`: a `k3m:Decision` and `prov:Activity` with
`prov:endedAtTime`, `prov:wasAssociatedWith` the reviewer, `k3m:answer`, `k3m:probability` that the
model gave what it proposed, `k3m:model`, `k3m:drawn` and `k3m:blind`. Each triple that it judges is
an `rdf:Statement`, for a wrong one must not be stated, with `k3m:judged` (right, wrong, or
misstated: sources state it and it is wrong) and `prov:wasGeneratedBy` the decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from k3m_kg import vocabulary as v
from k3m_kg.graph.reviewing.deciding import judged_values
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedItem
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.ntriples import literal
from k3m_kg.rdf.output import output_file

_BATCH = 2_000


def decision_lines(one: DecidedItem) -> list[str]:
    """The N-Triples of one decision."""
    item, decision = one.item, one.decision
    node = f"<{v.mint(v.DECISION, f'{decision.run}-{item.id}')}>"
    reviewer = f"<{v.mint(v.REVIEWER, decision.reviewer)}>"
    said = [
        (v.TYPE, f"<{v.K3M}Decision>"),
        (v.TYPE, f"<{v.PROV}Activity>"),
        (f"{v.PROV}endedAtTime", _typed(decision.decided_at, "dateTime")),
        (f"{v.PROV}wasAssociatedWith", reviewer),
        (f"{v.K3M}answer", literal(decision.answer.value)),
        (f"{v.K3M}probability", _typed(repr(item.probability), "double")),
        (f"{v.K3M}model", literal(Path(item.model).name)),
        (f"{v.K3M}drawn", _typed(str(decision.drawn).lower(), "boolean")),
        (f"{v.K3M}blind", _typed(str(decision.blind).lower(), "boolean")),
    ]
    lines = [f"{node} <{name}> {value} .\n" for name, value in said]
    lines.append(f"{reviewer} <{v.LABEL}> {literal(decision.reviewer)} .\n")
    name = v.CATEGORY if item.of_category else v.mint(v.PROPERTY, item.property)
    judged = judged_values(item.value, item.stated, decision.answer, decision.value)
    for place, (value, says) in enumerate(judged):
        statement = f"<{v.mint(v.DECISION, f'{decision.run}-{item.id}-{place}')}>"
        told = [
            (v.TYPE, f"<{v.RDF}Statement>"),
            (f"{v.RDF}subject", f"<{v.mint(v.PRODUCT, item.product)}>"),
            (f"{v.RDF}predicate", f"<{name}>"),
            (f"{v.RDF}object", literal(value)),
            (f"{v.K3M}judged", literal(says.name.lower())),
            (f"{v.PROV}wasGeneratedBy", node),
        ]
        lines += [f"{statement} <{of}> {what} .\n" for of, what in told]
    return lines


def _typed(text: str, kind: str) -> str:
    return f'"{text}"^^<{v.XSD}{kind}>'


def export_decisions(store: GraphStore, out: Path) -> tuple[int, int]:
    """Write every decision that holds as N-Triples, the oldest first; all or nothing.

    Returns:
        Decisions and triples.

    Raises:
        GraphError: the database cannot be read.
        K3MError: `out` cannot be written.
    """
    decided = ReviewDesk(store).decided()[::-1]
    triples = 0
    with output_file(out) as stream:
        for lines in _batches(decided):
            stream.write("".join(lines).encode())
            triples += len(lines)
    return len(decided), triples


def _batches(decided: Iterable[DecidedItem]) -> Iterator[list[str]]:
    lines: list[str] = []
    for one in decided:
        lines += decision_lines(one)
        if len(lines) >= _BATCH:
            yield lines
            lines = []
    yield lines
