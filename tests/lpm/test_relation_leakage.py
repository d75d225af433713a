from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.lpm.relation_leakage import Rule, _left_out_accuracy, find_relation_leaks

LIKES, LIKED_BY, MARRIED, LOVES, TYPE, CATEGORY = range(6)


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Training and test triples of a graph in which relations give each other away.

    `liked_by` is `likes` turned round, `loves` repeats it, `married` is its own inverse, `category`
    follows from `type`; half of the test triples have their counterpart in training.
    """
    random = np.random.default_rng(seed)
    pairs = np.unique(random.integers(0, 60, (400, 2)), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    likes = [(h, LIKES, t) for h, t in pairs]
    liked_by = [(t, LIKED_BY, h) for h, t in pairs]
    loves = [(h, LOVES, t) for h, t in pairs[:200]]
    couples = [(h, MARRIED, h + 30) for h in range(30)]
    married = couples + [(t, MARRIED, h) for h, _, t in couples]
    kinds = random.integers(0, 8, 60)
    types = [(h, TYPE, 100 + kind) for h, kind in enumerate(kinds)]
    categories = [(h, CATEGORY, 200 + kind // 3) for h, kind in enumerate(kinds)]
    every = np.array(likes + liked_by + loves + married + types + categories)
    asked = random.permutation(len(every))[:80]
    return np.delete(every, asked, axis=0), every[asked]


def test_planted_relations_are_found_and_no_others() -> None:
    train, asked = planted()
    leaks = find_relation_leaks(train, asked)
    rules = {(rule.cause, rule.relation, rule.by) for rule in leaks.rules}
    assert {
        ("inverse", LIKES, LIKED_BY),
        ("inverse", LIKED_BY, LIKES),
        ("inverse", MARRIED, MARRIED),
        ("equal", LOVES, LIKES),
        ("determined", CATEGORY, TYPE),
    } <= rules
    assert ("determined", TYPE, CATEGORY) not in rules
    assert all(relation == CATEGORY for cause, relation, _ in rules if cause == "determined")
    assert ("equal", LIKES, LOVES) not in rules  # only half of it
    for rule in leaks.rules:
        assert isinstance(rule, Rule)
        assert 0.8 <= rule.share <= 1


def test_a_triple_leaks_where_training_holds_its_counterpart() -> None:
    train, asked = planted()
    leaks = find_relation_leaks(train, asked)
    known = {tuple(row) for row in train.tolist()}
    kind = {h: t for h, r, t in train.tolist() if r == TYPE}
    for place, (h, r, t) in enumerate(asked.tolist()):
        if r in (LIKES, LIKED_BY):
            other = LIKED_BY if r == LIKES else LIKES
            assert leaks.causes["inverse"][place] >= ((t, other, h) in known)
        if r == MARRIED:
            assert leaks.causes["inverse"][place] == ((t, MARRIED, h) in known)
        if r == CATEGORY:
            assert leaks.causes["determined"][place] == (h in kind)
        if r == TYPE:
            assert not leaks.leaking_Q[place]
    assert 0.3 < leaks.leaking_Q.mean() < 1


def test_a_graph_without_such_relations_has_no_leaks() -> None:
    random = np.random.default_rng(1)
    triples = np.unique(random.integers(0, [300, 4, 300], (900, 3)), axis=0)
    triples = random.permutation(triples)
    leaks = find_relation_leaks(triples[:700], triples[700:])
    assert leaks.rules == []
    assert not leaks.leaking_Q.any()


def test_no_triples_leak_nothing() -> None:
    train, asked = planted()
    assert not len(find_relation_leaks(train, asked[:0]).leaking_Q)
    assert not find_relation_leaks(train[:0], asked).leaking_Q.any()


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_with_each_head_left_out_is_that_of_counting_by_hand(seed: int) -> None:
    random = np.random.default_rng(seed)
    sign, answer = random.integers(0, 4, 40), random.integers(0, 3, 40)
    right = 0
    for place in range(40):
        others = Counter(
            answer[o].item() for o in range(40) if o != place and sign[o] == sign[place]
        )
        own = others.pop(answer[place].item(), 0)
        right += own > max(others.values(), default=0)
    assert _left_out_accuracy(sign, answer) == pytest.approx(right / 40)


@pytest.mark.realdata
def test_fb15k237_has_symmetric_relations_but_hardly_a_test_triple_leaks(data_dir: Path) -> None:
    rows = {}
    for split in ("train", "test"):
        with gzip.open(data_dir / "fb15k237" / f"{split}.tsv.gz", "rt") as lines:
            rows[split] = [line.rstrip("\n").split("\t") for line in lines]
    entity: dict[str, int] = {}
    relation: dict[str, int] = {}
    parts = {
        split: np.array(
            [
                (
                    entity.setdefault(h, len(entity)),
                    relation.setdefault(r, len(relation)),
                    entity.setdefault(t, len(entity)),
                )
                for h, r, t in part
            ]
        )
        for split, part in rows.items()
    }
    leaks = find_relation_leaks(parts["train"], parts["test"])
    names = list(relation)
    symmetric = {names[rule.relation] for rule in leaks.rules if rule.relation == rule.by}
    assert "/people/person/spouse_s./people/marriage/spouse" in symmetric
    # Its makers took out test triples whose two entities are linked in training.
    assert leaks.causes["inverse"].sum() == leaks.causes["equal"].sum() == 0
    assert leaks.leaking_Q.mean() < 0.01
