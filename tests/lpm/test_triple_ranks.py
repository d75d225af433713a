from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.contracts import LinkScorer
from k3m_kg.lpm.answer_index import seen_by_relation
from k3m_kg.lpm.ranking import Ranks
from k3m_kg.lpm.triple_ranks import SIDES, TripleRanks, TripleVectors, rank_triples
from k3m_kg.scorers.build import build_scorer
from k3m_kg.scorers.settings import INTERACTIONS

KINDS = ("realistic", "optimistic", "pessimistic")
PYKEENS = {
    "mrr": "inverse_harmonic_mean_rank",
    "mr": "arithmetic_mean_rank",
    "amr": "adjusted_arithmetic_mean_rank",
    "amri": "adjusted_arithmetic_mean_rank_index",
    "hits@1": "hits_at_1",
    "hits@3": "hits_at_3",
    "hits@10": "hits_at_10",
}


def model_of(name: str, entities: int, relations: int, rounded: bool) -> TripleVectors:
    generator = torch.Generator().manual_seed(0)
    scorer = build_scorer(name, INTERACTIONS[name].config(), 4).eval()
    entity = torch.randn(entities, scorer.entity_width, generator=generator)
    relation = torch.randn(relations, scorer.relation_width, generator=generator)
    if rounded:  # whole numbers, so that many scores tie, and tie exactly by any formula
        entity, relation = entity.round(), relation.round()
    return TripleVectors(scorer, entity, relation)


class PykeensView(torch.nn.Module):
    """Our scores, one by one, where PyKEEN's evaluator looks for its model's."""

    def __init__(self, vectors: TripleVectors) -> None:
        super().__init__()
        self.vectors = vectors
        self.num_entities, self.device = len(vectors.entities_EH), torch.device("cpu")

    def predict(self, hrt_batch: torch.Tensor, target: str, **_: Any) -> torch.Tensor:
        entity, relation = self.vectors.entities_EH, self.vectors.relations_RH[hrt_batch[:, 1]]
        if target == "tail":
            return self.vectors.scorer.score_tails(entity[hrt_batch[:, 0]], relation, entity)
        return self.vectors.scorer.score_heads(entity, relation, entity[hrt_batch[:, 2]])


def pykeen_results(
    vectors: TripleVectors, asked: np.ndarray, truth: np.ndarray, **restricted: Any
) -> Any:
    from pykeen.evaluation import RankBasedEvaluator

    model: Any = PykeensView(vectors)
    return RankBasedEvaluator().evaluate(
        model,
        torch.from_numpy(asked),
        additional_filter_triples=torch.from_numpy(truth),
        batch_size=64,
        use_tqdm=False,
        **restricted,
    )


def assert_equal_to_pykeen(ours: TripleRanks, theirs: Any, queries: Any = None) -> None:
    for side in (*SIDES, "both"):
        for kind in KINDS:
            metrics = ours.metrics(side, kind, queries)
            for key in PYKEENS.keys() & metrics.keys():
                expected = theirs.get_metric(f"{side}.{kind}.{PYKEENS[key]}")
                assert metrics[key] == pytest.approx(expected, abs=1e-6, rel=1e-6), (
                    side,
                    kind,
                    key,
                )


def assert_side_equal_to_pykeen(ours: TripleRanks, theirs: Any, side: Any, queries: Any) -> None:
    for kind in KINDS:
        metrics = ours.metrics(side, kind, queries)
        for key in ("mrr", "mr", "hits@1", "hits@3", "hits@10"):
            expected = theirs.get_metric(f"{side}.{kind}.{PYKEENS[key]}")
            assert metrics[key] == pytest.approx(expected, abs=1e-6, rel=1e-6)


def nations() -> tuple[np.ndarray, np.ndarray]:
    """Test triples and all triples of PyKEEN's smallest dataset, which it ships."""
    from pykeen.datasets import Nations

    data = Nations()
    parts = [data.training, data.validation, data.testing]
    return data.testing.mapped_triples.numpy(), torch.cat([p.mapped_triples for p in parts]).numpy()


@pytest.mark.parametrize(
    ("name", "rounded"),
    [
        *(
            (name, False)
            for name in ("transe", "distmult", "complex", "rotate", "transh", "tucker")
        ),
        *((name, True) for name in ("transe", "distmult", "complex")),
    ],
)
def test_metrics_on_nations_equal_pykeens_evaluator(name: str, rounded: bool) -> None:
    asked, truth = nations()
    vectors = model_of(name, 14, 55, rounded)
    ours = rank_triples(vectors, asked, truth)
    assert_equal_to_pykeen(ours, pykeen_results(vectors, asked, truth))


def close_together(name: str, settings: dict[str, Any]) -> tuple[TripleVectors, np.ndarray]:
    """Entities far out and near to each other, and a question about each."""
    scorer = build_scorer(name, INTERACTIONS[name].config(**settings), 16).eval()
    generator = torch.Generator().manual_seed(1)
    entity = 300 + torch.randn(400, scorer.entity_width, generator=generator)
    relation = torch.randn(1, scorer.relation_width, generator=generator)
    if name == "rotate":
        relation = torch.tensor([1.0, 1e-3]).repeat(16)[None]  # turns by next to nothing
    triples = np.stack([np.arange(400), np.zeros(400, np.int64), np.arange(400)[::-1]], 1)
    return TripleVectors(scorer, entity, relation), triples


@pytest.mark.parametrize(
    ("name", "settings"), [("transe", {}), ("transe", {"power_norm": True}), ("rotate", {})]
)
@pytest.mark.parametrize("at_once", [1 << 22, 3000])
def test_entities_far_out_and_close_together_rank_as_pykeens_interaction_ranks_them(
    name: str, settings: dict[str, Any], at_once: int
) -> None:
    vectors, asked = close_together(name, settings)
    entity, relation = vectors.entities_EH, vectors.relations_RH
    ours = rank_triples(vectors, asked, asked, at_once=at_once).of("tail")
    with torch.no_grad():
        scores = torch.stack([vectors.scorer.score(entity, relation, tail) for tail in entity], 1)
    own = scores.gather(1, torch.from_numpy(asked[:, 2].copy())[:, None])
    np.testing.assert_array_equal(ours.optimistic_Q, (scores > own).sum(1) + 1)
    np.testing.assert_array_equal(ours.pessimistic_Q, (scores >= own).sum(1))


@pytest.mark.parametrize("name", ["transe", "rotate"])
@pytest.mark.parametrize("spread", [0.0, 1e-4, 1.0])
def test_the_shortcut_never_changes_a_rank(name: str, spread: float) -> None:
    asked, truth = small()
    vectors = model_of(name, 30, 4, rounded=False)
    vectors.entities_EH = vectors.entities_EH[:1] + spread * vectors.entities_EH
    vectors.entities_EH[7] = vectors.entities_EH[3]  # ties stay ties
    slow = TripleVectors(NoQuery(vectors.scorer), vectors.entities_EH, vectors.relations_RH)
    quick, exact = (rank_triples(which, asked, truth).of("both") for which in (vectors, slow))
    np.testing.assert_array_equal(quick.optimistic_Q, exact.optimistic_Q)
    np.testing.assert_array_equal(quick.pessimistic_Q, exact.pessimistic_Q)


class NoQuery(LinkScorer):
    """Hides the query vector, so that ranking must go by the scores themselves."""

    def __init__(self, scorer: LinkScorer) -> None:
        super().__init__()
        self.score = scorer.score
        self.score_tails, self.score_heads = scorer.score_tails, scorer.score_heads

    def score(self, head_NH: Any, relation_NH: Any, tail_NH: Any) -> Any:
        raise NotImplementedError


def test_metrics_per_relation_equal_pykeens_evaluator_on_that_relation() -> None:
    asked, truth = nations()
    vectors = model_of("distmult", 14, 55, rounded=True)
    ours = rank_triples(vectors, asked, truth)
    per_relation = ours.per_relation()
    for relation in np.unique(asked[:, 1])[:12].tolist():
        mine = asked[:, 1] == relation
        theirs = pykeen_results(vectors, asked[mine], truth)
        assert_equal_to_pykeen(ours, theirs, mine)
        assert per_relation[relation]["questions"] == 2 * mine.sum()
    macro = np.mean([row["mrr"] for row in per_relation.values()])
    assert ours.metrics()["macro_mrr"] == pytest.approx(macro)


def test_type_constrained_metrics_equal_pykeens_among_the_relations_entities() -> None:
    asked, truth = nations()
    vectors = model_of("complex", 14, 55, rounded=True)
    allowed = {side: seen_by_relation(truth, 55, side) for side in SIDES}
    ours = rank_triples(vectors, asked, truth, candidates=allowed)
    fewer = 0
    for relation in np.unique(asked[:, 1])[:12].tolist():
        mine = asked[:, 1] == relation
        for side in SIDES:
            entities = allowed[side][relation].tolist()
            fewer += len(entities) < 14
            theirs = pykeen_results(
                vectors,
                asked[mine],
                truth,
                targets=[side],
                restrict_entities_to=entities,
                pre_filtered_triples=True,
                do_time_consuming_checks=False,
            )
            assert_side_equal_to_pykeen(ours, theirs, side, mine)
    assert fewer > 6


@pytest.fixture(scope="module")
def fb15k237(data_dir: Path) -> tuple[np.ndarray, int]:
    """All triples as numbers, and how many of them, the last, are test triples."""
    rows = []
    for split in ("train", "valid", "test"):
        with gzip.open(data_dir / "fb15k237" / f"{split}.tsv.gz", "rt") as lines:
            rows.append([line.rstrip("\n").split("\t") for line in lines])
    columns = list(zip(*(row for part in rows for row in part), strict=True))
    entity = {name: i for i, name in enumerate(sorted({*columns[0], *columns[2]}))}
    relation = {name: i for i, name in enumerate(sorted(set(columns[1])))}
    assert (len(entity), len(relation)) == (14541, 237)
    ids = [
        [table[name] for name in column]
        for table, column in zip((entity, relation, entity), columns, strict=True)
    ]
    return np.array(ids).T, len(rows[2])


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["transe", "distmult", "complex", "rotate"])
def test_metrics_on_fb15k237_equal_pykeens_evaluator(
    name: str, fb15k237: tuple[np.ndarray, int]
) -> None:
    truth, tested = fb15k237
    asked = truth[-tested:][:: tested // 64]
    vectors = model_of(name, 14541, 237, name != "rotate")
    assert_equal_to_pykeen(
        rank_triples(vectors, asked, truth), pykeen_results(vectors, asked, truth)
    )


@pytest.mark.realdata
def test_metrics_per_relation_and_typed_on_fb15k237_equal_pykeens_evaluator(
    fb15k237: tuple[np.ndarray, int],
) -> None:
    truth, tested = fb15k237
    asked = truth[-tested:]
    entities, relations = int(truth[:, [0, 2]].max()) + 1, int(truth[:, 1].max()) + 1
    vectors = model_of("distmult", entities, relations, rounded=True)
    allowed = {side: seen_by_relation(truth, relations, side) for side in SIDES}
    counts = np.bincount(asked[:, 1])
    some = np.flatnonzero((counts >= 20) & (counts <= 40))[:1]
    asked = asked[np.isin(asked[:, 1], some)]
    ours = rank_triples(vectors, asked, truth)
    typed = rank_triples(vectors, asked, truth, candidates=allowed)
    for relation in some.tolist():
        mine = asked[:, 1] == relation
        theirs = pykeen_results(vectors, asked[mine], truth)
        assert_equal_to_pykeen(ours, theirs, mine)
        for side in SIDES:
            among = pykeen_results(
                vectors,
                asked[mine],
                truth,
                targets=[side],
                restrict_entities_to=allowed[side][relation].tolist(),
                pre_filtered_triples=True,
                do_time_consuming_checks=False,
            )
            assert_side_equal_to_pykeen(typed, among, side, mine)


def small(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = np.unique(random.integers(0, [30, 4, 30], (200, 3)), axis=0)
    return random.permutation(truth)[:60], truth


def by_hand(vectors: TripleVectors, asked: np.ndarray, truth: np.ndarray, side: str) -> np.ndarray:
    """Realistic filtered ranks, one triple and one candidate at a time."""
    column = 2 if side == "tail" else 0
    known = {tuple(row) for row in truth.tolist()}
    ranks = []
    for row in asked.tolist():
        rows = [[*row[:column], e, *row[column + 1 :]] for e in range(len(vectors.entities_EH))]
        left = [r for r in rows if tuple(r) not in known or r == row]
        h, r, t = torch.tensor(left).T
        scores = vectors.scorer.score(
            vectors.entities_EH[h], vectors.relations_RH[r], vectors.entities_EH[t]
        )
        own = scores[left.index(row)]
        ranks.append(((scores > own).sum() + 1 + (scores >= own).sum()).item() / 2)
    return np.array(ranks)


@pytest.mark.parametrize("at_once", [1, 7, 30, 64, 1 << 20])
@pytest.mark.parametrize("side", SIDES)
def test_ranks_are_those_of_asking_one_by_one_in_any_chunks(side: Any, at_once: int) -> None:
    asked, truth = small()
    vectors = model_of("distmult", 30, 4, rounded=True)
    ranks = rank_triples(vectors, asked, truth, at_once=at_once).ranks[side]
    np.testing.assert_array_equal(ranks.realistic_Q, by_hand(vectors, asked, truth, side))


def test_chunks_of_candidates_are_each_scored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("k3m_kg.lpm.ranking._COLUMNS_AT_ONCE", 8)
    asked, truth = small()
    vectors = model_of("distmult", 30, 4, rounded=True)
    for side in SIDES:
        ranks = rank_triples(vectors, asked, truth, at_once=40).ranks[side]
        np.testing.assert_array_equal(ranks.realistic_Q, by_hand(vectors, asked, truth, side))


def test_type_constrained_candidates_are_those_of_the_relation() -> None:
    asked, truth = small()
    vectors = model_of("transe", 30, 4, rounded=False)
    training = truth[::2]
    allowed = {side: seen_by_relation(training, 4, side) for side in SIDES}
    found = rank_triples(vectors, asked, truth, candidates=allowed)
    for side in SIDES:
        column = 2 if side == "tail" else 0
        for place, row in enumerate(asked.tolist()):
            others = set(allowed[side][row[1]].tolist())
            assert others == set(training[training[:, 1] == row[1], column].tolist())
            answers = truth[(truth[:, 1] == row[1]) & (truth[:, 2 - column] == row[2 - column])]
            left = others - set(answers[:, column].tolist()) | ({row[column]} & others)
            assert found.ranks[side].options_Q[place] == len(left)
            assert found.ranks[side].unseen_Q[place] == (row[column] not in others)
    metrics = found.metrics()
    assert metrics["mrr"] > rank_triples(vectors, asked, truth).metrics()["mrr"]


def test_inverse_relations_ask_heads_as_tails() -> None:
    asked, truth = small()
    vectors = model_of("complex", 30, 4, rounded=False)
    inverse = vectors.relations_RH.clone()
    inverse[:, 1::2] *= -1  # the conjugate: for ComplEx that is the same question
    turned = TripleVectors(vectors.scorer, vectors.entities_EH, vectors.relations_RH, inverse)
    plain, other = (rank_triples(v, asked, truth).ranks["head"] for v in (vectors, turned))
    np.testing.assert_array_equal(plain.realistic_Q, other.realistic_Q)
    turned.inverse_RH = -inverse
    changed = rank_triples(turned, asked, truth).ranks["head"]
    assert (changed.realistic_Q != plain.realistic_Q).any()


class Plain(LinkScorer):
    """A stranger's scorer, which knows nothing but the contract."""

    def score(self, head_NH: Any, relation_NH: Any, tail_NH: Any) -> torch.Tensor:
        return (head_NH * relation_NH * tail_NH).sum(-1)

    def score_tails(self, head_NH: Any, relation_NH: Any, tail_NCH: Any) -> torch.Tensor:
        return (head_NH * relation_NH) @ tail_NCH.T


def test_any_link_scorer_can_be_ranked() -> None:
    asked, truth = small()
    vectors = model_of("distmult", 30, 4, rounded=True)
    plain = TripleVectors(Plain(), vectors.entities_EH, vectors.relations_RH)
    for side in SIDES:
        expected, actual = (rank_triples(v, asked, truth).ranks[side] for v in (vectors, plain))
        np.testing.assert_array_equal(actual.realistic_Q, expected.realistic_Q)


def test_a_model_that_scores_all_alike_gets_the_middle_rank_and_no_adjusted_credit() -> None:
    asked, truth = small()
    vectors = model_of("rotate", 30, 4, rounded=False)
    vectors.entities_EH = vectors.entities_EH[:1].expand(30, -1).contiguous()
    metrics = rank_triples(vectors, asked, truth).metrics()
    assert metrics["amri"] == pytest.approx(0)
    assert metrics["amr"] == pytest.approx(1)
    assert rank_triples(vectors, asked, truth).metrics(kind="optimistic")["mrr"] == 1


def test_no_triples_give_no_ranks() -> None:
    asked, truth = small()
    vectors = model_of("distmult", 30, 4, rounded=False)
    found = rank_triples(vectors, asked[:0], truth)
    assert found.per_relation() == {}
    assert np.isnan(found.metrics()["mrr"])
    assert isinstance(found.of("both"), Ranks)


PEAK = """
import resource, sys
import numpy as np, torch
from k3m_kg.scorers import interactions
from k3m_kg.scorers.build import build_scorer
from k3m_kg.scorers.settings import INTERACTIONS
from k3m_kg.lpm.triple_ranks import TripleVectors, rank_triples
entities, queries = 300_000, 40
interactions.BROADCAST_AT_ONCE = 1 << 18
asked = np.random.default_rng(0).integers(0, [entities, 3, entities], (queries, 3))
most = []
for name in sys.argv[1:]:
    scorer = build_scorer(name, INTERACTIONS[name].config(), 2).eval()
    vectors = TripleVectors(scorer, torch.randn(entities, scorer.entity_width),
                            torch.randn(3, scorer.relation_width))
    most.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    rank_triples(vectors, asked, asked, at_once=1 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most[0])
"""


def test_peak_memory_does_not_grow_with_entities_times_queries() -> None:
    command = [sys.executable, "-c", PEAK, "distmult", "pairre"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # All scores of one side are 48 MB, and what they are made of twice that.
    assert int(done.stdout) / 1024 < 45
