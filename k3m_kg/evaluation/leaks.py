"""Leakage in a link-prediction report: questions whose answer is given away, and what is left.

title       the title spells the asked value
duplicates  a product that training knows has the same title (normalised) or the same picture
determined  another triple that the question sees implies the asked value: of the training
            products that have it and the asked property, more than `DETERMINED_VALUE` have it
equal       the question sees the asked value at a property that training mostly gives the same
            values as the asked one, product by product (`k3m_kg.lpm.relation_leakage`)

Triples from products to values have no inverse: `k3m-kg kge evaluate` looks for those of links.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from k3m_kg.batches.batcher import Batcher
from k3m_kg.lpm.link_ranks import LinkRanks
from k3m_kg.lpm.questions import Triples, truth_of
from k3m_kg.lpm.ranking import Ranks
from k3m_kg.lpm.relation_leakage import DETERMINED_VALUE, equal_relations
from k3m_kg.lpm.title_leakage import value_spans
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.split import normalised_title

SUPPORT = 10
"""A rule that fewer training products have is no rule: most pairs that occur once are certain."""


def find_leaks(
    batcher: Batcher, questions: Triples, hide: np.ndarray, never: Triples
) -> dict[str, np.ndarray]:
    """Which of Q questions leak, by kind, bool (Q,).

    Args:
        batcher: of the snapshot; its catalog has the ids.
        questions: (product, property, true value).
        hide: ids of properties that no question sees.
        never: further triples that no question sees.
    """
    train = batcher.snapshot.rows("train")
    known, held_E = truth_of(batcher.snapshot, batcher.catalog, train)
    known = known[held_E == 0]
    seen = _seen_by(batcher, questions, hide, never)
    return {
        "title": _in_title(batcher, questions),
        "duplicates": _duplicates(batcher.snapshot, questions.rows),
        "determined": _determined(batcher, questions, known, seen),
        "equal": _equal(batcher, questions, known, seen),
    }


def _in_title(batcher: Batcher, questions: Triples) -> np.ndarray:
    rows, place_Q = np.unique(questions.rows, return_inverse=True)
    titles = batcher.snapshot.titles.take(rows).to_pylist()
    values = batcher.catalog.values
    pairs = zip(place_Q.tolist(), questions.values.tolist(), strict=True)
    return np.array([bool(value_spans(titles[p] or "", values[v])) for p, v in pairs], bool)


def _duplicates(snapshot: Snapshot, rows_Q: np.ndarray) -> np.ndarray:
    """Whether another product of train has the title, or one of the pictures."""
    train = snapshot.rows("train")
    rows, place_Q = np.unique(rows_Q, return_inverse=True)
    titles = [normalised_title(text) for text in snapshot.titles.to_pylist()]
    known: dict[str, int] = {}
    for row in train.tolist():
        if title := titles[row]:
            known[title] = known.get(title, 0) + 1
    owner = np.repeat(np.arange(len(snapshot)), np.diff(snapshot.image_offsets))
    pairs = np.unique(np.stack([owner, snapshot.image_thumbnail], 1), axis=0)
    in_train = snapshot.split[pairs[:, 0]] == 0
    seen = np.bincount(pairs[in_train, 1], minlength=snapshot.thumbnail_count)
    alike = np.zeros(len(snapshot), bool)
    shared = seen[pairs[:, 1]] > in_train  # by another than the product itself
    alike[pairs[shared, 0]] = True
    for row in rows.tolist():
        title = titles[row]
        own = int(snapshot.split[row] == 0)
        alike[row] |= title is not None and known.get(title, 0) > own
    found: np.ndarray = alike[rows][place_Q]
    return found


def _equal(
    batcher: Batcher, questions: Triples, known: Triples, seen: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Whether a question sees its answer at an equal property."""
    width = len(batcher.catalog.values)
    size = width * len(batcher.catalog.properties)
    seen_N = seen[0] * size + seen[1]
    found = np.zeros(len(questions), bool)
    for rule in equal_relations(np.stack([known.rows, known.properties, known.values], 1)):
        asked = np.flatnonzero(questions.properties == rule.relation)
        answers = asked * size + rule.by * width + questions.values[asked]
        found[asked] |= np.isin(answers, seen_N)
    return found


def _determined(
    batcher: Batcher, questions: Triples, known: Triples, seen: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Whether a triple that the question sees implies the asked value, by training's counts."""
    snapshot, catalog = batcher.snapshot, batcher.catalog
    train = snapshot.rows("train")
    width = len(catalog.values)
    pairs = np.unique(known.properties * width + known.values)
    column_E = np.searchsorted(pairs, known.properties * width + known.values)
    row_E = np.searchsorted(train, known.rows)
    has = _matrix(row_E, column_E, (len(train), len(pairs)))
    holds = _matrix(row_E, known.properties, (len(train), len(catalog.properties)))
    often = np.asarray(has.sum(0)).ravel() >= SUPPORT
    question_N, pair_N = seen
    column_N = np.minimum(np.searchsorted(pairs, pair_N), max(0, len(pairs) - 1))
    usable = (pairs[column_N] == pair_N) & often[column_N] if len(pairs) else column_N < 0
    question_N, column_N = question_N[usable], column_N[usable]
    found = np.zeros(len(questions), bool)
    asked_Q = questions.properties * width + questions.values
    order = np.argsort(questions.properties[question_N], kind="stable")
    question_N, column_N = question_N[order], column_N[order]
    asked = np.unique(questions.properties)
    ends = np.searchsorted(questions.properties[question_N], np.stack([asked, asked + 1]))
    has = has.tocsc()
    for name, start, stop in zip(asked.tolist(), *ends.tolist(), strict=True):
        question_M, column_M = question_N[start:stop], column_N[start:stop]
        rules, rule_M = np.unique(column_M, return_inverse=True)
        first, last = np.searchsorted(pairs, [name * width, (name + 1) * width]).tolist()
        if not len(rules) or first == last:
            continue
        both = (has[:, rules].T @ has[:, first:last]).tocsr()
        total = np.asarray((has[:, rules].T @ holds[:, [name]]).todense()).ravel()
        place_M = np.minimum(np.searchsorted(pairs, asked_Q[question_M]), last - 1)
        known_M = pairs[place_M] == asked_Q[question_M]
        count_M = np.asarray(both[rule_M, np.maximum(place_M, first) - first]).ravel() * known_M
        sure_M = (total[rule_M] >= SUPPORT) & (count_M > DETERMINED_VALUE * total[rule_M])
        found[question_M[sure_M]] = True
    return found


def _matrix(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> csr_matrix:
    """Ones at distinct (row, column) pairs."""
    made = csr_matrix((np.ones(len(rows), np.int64), (rows, columns)), shape)
    made.data[:] = 1
    return made


def _seen_by(
    batcher: Batcher, questions: Triples, hide: np.ndarray, never: Triples
) -> tuple[np.ndarray, np.ndarray]:
    """The triples that each question sees, without those of its own property.

    Returns:
        The question's place, and property and value as one number; ascending by question.
    """
    catalog = batcher.catalog
    rows, place_Q = np.unique(questions.rows, return_inverse=True)
    shown = Triples.of(batcher, rows)
    shown = shown[~np.isin(shown.properties, hide)]
    if len(never):
        shown = shown[~np.isin(shown.keys(catalog), never.keys(catalog))]
    start_R = np.searchsorted(shown.rows, rows, "left")
    count_Q = (np.searchsorted(shown.rows, rows, "right") - start_R)[place_Q]
    question_N = np.repeat(np.arange(len(questions)), count_Q)
    within_N = np.arange(len(question_N)) - np.repeat(np.cumsum(count_Q) - count_Q, count_Q)
    triple_N = start_R[place_Q][question_N] + within_N
    other = shown.properties[triple_N] != questions.properties[question_N]
    question_N, triple_N = question_N[other], triple_N[other]
    pair_N = shown.properties[triple_N] * len(catalog.values) + shown.values[triple_N]
    return question_N, pair_N


def leakage_report(
    found: LinkRanks, questions: Triples, leaks: dict[str, np.ndarray]
) -> dict[str, Any]:
    """The metrics with and without what leaks.

    Args:
        found: the ranks of the questions, which are in ascending order of (property, product).
        questions: those.
        leaks: from `find_leaks`.

    Returns:
        For each kind, and for `any`, `questions` and `share` that leak, and `without`: the metrics
        of the others. `with`: the metrics of all. `per_property`: for each the share that leaks by
        kind, and `without` any.
    """
    every = Ranks.join(found.ranks)
    anywhere = np.logical_or.reduce(list(leaks.values()))
    count = len(questions)
    report: dict[str, Any] = {"with": found.metrics()}
    for kind, leaking in (leaks | {"any": anywhere}).items():
        report[kind] = {
            "questions": int(leaking.sum()),
            "share": float(leaking.sum() / count) if count else 0.0,
            "without": _rest(found, every, ~leaking).metrics(),
        }
    left = _rest(found, every, ~anywhere).per_property()
    report["per_property"] = {
        name: {kind: float(leaking[mine].mean()) for kind, leaking in leaks.items()}
        | {"any": float(anywhere[mine].mean()), "without": left.get(name)}
        for name, mine in _slices(found).items()
    }
    return report


def _slices(found: LinkRanks) -> dict[str, slice]:
    """Where the questions of each property stand among all."""
    ends = np.cumsum([len(ranks.unseen_Q) for ranks in found.ranks]).tolist()
    return {
        name: slice(end - len(ranks.unseen_Q), end)
        for name, ranks, end in zip(found.names, found.ranks, ends, strict=True)
    }


def _rest(found: LinkRanks, every: Ranks, kept: np.ndarray) -> LinkRanks:
    """The ranks of the kept questions; properties that keep none are left out."""
    columns = (every.optimistic_Q, every.pessimistic_Q, every.options_Q, every.unseen_Q)
    ranks = {
        name: Ranks(*(column[mine][kept[mine]] for column in columns))
        for name, mine in _slices(found).items()
        if kept[mine].any()
    }
    return LinkRanks(list(ranks), list(ranks.values()))
