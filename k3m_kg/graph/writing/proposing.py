"""Writing what a model proposes, triples and categories: a source may overrule it, `undo` takes it
back.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice

from sqlalchemy import Connection, insert, update

from k3m_kg.errors import GraphError
from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.history.journal import stored_subjects
from k3m_kg.graph.stored import IngestCounts, ProposedCategory, ProposedTriple
from k3m_kg.graph.tables import (
    CATEGORY,
    EntityKind,
    Judgement,
    RunKind,
    ingest_runs,
    proposals,
)
from k3m_kg.graph.writing.merging import Judged
from k3m_kg.graph.writing.session import now
from k3m_kg.graph.writing.term_ids import TermDictionary
from k3m_kg.graph.writing.union import GraphUnion, judged_triples

_BATCH = 2000

Proposed = ProposedTriple | ProposedCategory


def propose(
    connection: Connection,
    dialect: Dialect,
    source: int,
    offered: Iterable[Proposed],
    left: Counter[str] | None = None,
) -> int:
    """Add proposed triples and categories as one run; nothing that a source states otherwise.

    For a property of which a source states a value nothing is proposed, nor for a category; nor
    what people rejected. A link leads from one product to another.

    A triple that another run proposed is noted for this one too: it stays until both are undone.
    Of the categories that several runs propose for a product the first one counts.

    Args:
        left: counts triples that add nothing: `stated` by a source, `rejected` or `answered`
            otherwise by people, `there` already from other runs.

    Returns:
        The run's number.

    Raises:
        GraphError: a product is not in the graph, a text is empty, or a probability is none.
    """
    run: int = connection.execute(
        insert(ingest_runs)
        .values(
            source=source,
            kind=RunKind.PROPOSAL.value,
            format="proposal",
            content_hash="",
            started_at=now(),
        )
        .returning(ingest_runs.c.id)
    ).scalar_one()
    union = GraphUnion(connection, dialect)  # it knows this run too
    terms = TermDictionary(connection, dialect)
    digest = hashlib.sha256()
    counts = IngestCounts()
    touched: set[int] = set()
    classified: set[int] = set()
    for batch in _batches(offered):
        for proposal in batch:
            _check(proposal)
            digest.update(repr(proposal).encode())
        heads = _heads(connection, dialect, batch)
        known = union.known(heads.values())
        stated = {
            head: {row[0] for version in by_source.values() for row in version.triples}
            for head, by_source in known.stated.items()
        }
        judged = judged_triples(connection, heads.values(), categories=True)
        about = [item for item in batch if isinstance(item, ProposedTriple)]
        names = terms.property_ids([item.property for item in about])
        values = terms.ids(EntityKind.VALUE, [item.value for item in about if not item.link])
        lacking = {
            product: head
            for product, head in heads.items()
            if known.shown[head].subject.category is None and head not in classified
        }
        categories = {
            key: probability
            for key, probability in _categories(batch, lacking, terms).items()
            if key[1:] not in judged.get(key[0], ())
        }
        classified.update(head for head, _, _ in categories)
        new: dict[tuple[int, int, int], float] = {}
        for proposal in about:
            head, property_ = heads[proposal.product], names[proposal.property]
            tail = heads[proposal.value] if proposal.link else values[proposal.value]
            pair, says = (property_, tail), judged.get(head, {})
            refused = _refused(pair, stated[head], says)
            if refused is None:
                new.setdefault((head, *pair), proposal.probability)
            why = "there" if pair in known.shown[head].pairs else refused or _answered(pair, says)
            if left is not None and why is not None:
                left[why] += 1
        terms.flush()
        dialect.insert(
            connection,
            proposals,
            ("run", "head", "property", "tail", "probability"),
            [(run, *key, probability) for key, probability in (new | categories).items()],
        )
        counts.triples_added += union.write(known, known.stated).triples_added
        touched.update(head for head, _, _ in (*new, *categories))
    terms.finish()
    counts.products_read = counts.products_updated = len(touched)
    connection.execute(
        update(ingest_runs)
        .where(ingest_runs.c.id == run)
        .values(**asdict(counts), finished_at=now(), content_hash=digest.hexdigest())
    )
    return run


def _refused(pair: tuple[int, int], stated: set[int], judged: Judged) -> str | None:
    """Why nothing is written of a triple: its property is `stated`, or people judged it."""
    if pair[0] in stated:
        return "stated"
    return "rejected" if pair in judged else None


def _answered(pair: tuple[int, int], judged: Judged) -> str | None:
    """Whether people said another value of its property to be right: that one shows."""
    right = {name for (name, _), (one, _) in judged.items() if one == Judgement.RIGHT}
    return "answered" if pair[0] in right else None


def _categories(
    batch: Sequence[Proposed], lacking: Mapping[str, int], terms: TermDictionary
) -> dict[tuple[int, int, int], float]:
    """Rows of `proposals` with their probability, one for each product that lacks a category."""
    offered: dict[int, ProposedCategory] = {}
    for item in batch:
        if isinstance(item, ProposedCategory) and item.product in lacking:
            offered.setdefault(lacking[item.product], item)
    values = terms.ids(EntityKind.VALUE, [item.category for item in offered.values()])
    return {
        (head, CATEGORY, values[item.category]): item.probability for head, item in offered.items()
    }


def _batches(offered: Iterable[Proposed]) -> Iterator[list[Proposed]]:
    stream = iter(offered)
    while batch := list(islice(stream, _BATCH)):
        yield batch


def _check(proposal: Proposed) -> None:
    where = f"the proposal for {proposal.product!r}"
    if isinstance(proposal, ProposedTriple):
        texts, what = [proposal.property, proposal.value], "property and value must be texts"
    else:
        texts, what = [proposal.category], "a category must be a text"
    if not all(texts) or "\0" in "".join(texts):
        raise GraphError(what, where=where)
    if not (math.isfinite(proposal.probability) and 0 <= proposal.probability <= 1):
        raise GraphError(f"{proposal.probability} is no probability", where=where)


def _heads(
    connection: Connection, dialect: Dialect, batch: Sequence[Proposed]
) -> Mapping[str, int]:
    """The products that are proposed for, and those that links lead to."""
    ends = {
        text: None
        for proposal in batch
        for text in (
            proposal.product,
            *([proposal.value] if isinstance(proposal, ProposedTriple) and proposal.link else ()),
        )
    }
    found = dialect.find_terms(connection, int(EntityKind.PRODUCT), ends)
    stated = stored_subjects(connection, found.values())
    for product in ends:
        if found.get(product) not in stated:
            raise GraphError(
                f"there is no product {product!r} in this graph",
                hint="propose values for products of the graph that the snapshot was cut from",
            )
    return found
