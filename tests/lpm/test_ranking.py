from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from k3m_kg.contracts import Candidates, Heads, LinkPredictor
from k3m_kg.errors import K3MError
from k3m_kg.lpm.ranking import Ranks, rank_candidates, rank_scores
from k3m_kg.scorers.pykeen_home import keep_home_clean

NOTHING = (np.empty(0, np.int64), np.empty(0, np.int64))


def problem(queries: int = 40, candidates: int = 17, seed: int = 0, *, ties: bool = True):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(queries, candidates, generator=generator)
    if ties:
        scores = scores.mul(2).round()
    target = torch.randint(candidates, (queries,), generator=generator)
    known = torch.rand(queries, candidates, generator=generator) < 0.2
    known[torch.arange(queries), target] = False
    return scores, target, known


def ranked(scores, target, known=None, at_once: int = 1 << 20) -> Ranks:
    pairs = NOTHING if known is None else tuple(part.numpy() for part in known.nonzero().T)
    return rank_scores(
        lambda rows, columns: scores[rows, columns],
        target.numpy(),
        scores.shape[1],
        pairs,
        at_once=at_once,
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("filtered", [False, True])
def test_metrics_equal_pykeens_evaluator_on_the_same_scores(ties: bool, filtered: bool) -> None:
    keep_home_clean()
    from pykeen.evaluation import RankBasedEvaluator

    scores, target, known = problem(ties=ties)
    evaluator = RankBasedEvaluator()
    left = scores.masked_fill(known, torch.nan) if filtered else scores.clone()
    index = torch.arange(len(target))
    evaluator.process_scores_(
        hrt_batch=torch.stack([index, index, target], 1),
        target="tail",
        scores=left,
        true_scores=left[index, target][:, None],
    )
    theirs = evaluator.finalize()
    ranks = ranked(scores, target, known if filtered else None)
    for kind in ("realistic", "optimistic", "pessimistic"):
        ours = ranks.metrics(kind)
        assert ours["mrr"] == pytest.approx(
            theirs.get_metric(f"tail.{kind}.inverse_harmonic_mean_rank"), abs=1e-6
        )
        assert ours["mr"] == pytest.approx(
            theirs.get_metric(f"tail.{kind}.arithmetic_mean_rank"), abs=1e-6
        )
        for k in (1, 3, 10):
            assert ours[f"hits@{k}"] == pytest.approx(
                theirs.get_metric(f"tail.{kind}.hits_at_{k}"), abs=1e-6
            )
    assert len({ranks.metrics(kind)["mr"] for kind in ("optimistic", "pessimistic")}) == 1 + ties


@pytest.mark.parametrize("at_once", [1, 5, 17, 40, 100])
def test_chunking_changes_nothing_and_bounds_what_is_scored_at_once(at_once: int) -> None:
    scores, target, known = problem()
    expected = ranked(scores, target, known)
    largest = 0

    def scored(rows: slice, columns: slice) -> torch.Tensor:
        nonlocal largest
        largest = max(largest, scores[rows, columns].numel())
        return scores[rows, columns]

    pairs = tuple(part.numpy() for part in known.nonzero().T)
    actual = rank_scores(scored, target.numpy(), 17, pairs, at_once=at_once)
    assert largest <= at_once
    np.testing.assert_array_equal(actual.optimistic_Q, expected.optimistic_Q)
    np.testing.assert_array_equal(actual.pessimistic_Q, expected.pessimistic_Q)


def test_ties_share_the_middle_rank() -> None:
    ranks = ranked(torch.zeros(1, 5), torch.tensor([2]))
    assert ranks.optimistic_Q.tolist() == [1]
    assert ranks.pessimistic_Q.tolist() == [5]
    assert ranks.realistic_Q.tolist() == [3]


def test_known_pairs_may_repeat_in_any_order_and_never_remove_the_target() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    known = (np.array([1, 0, 0, 0]), np.array([2, 0, 2, 0]))
    ranks = rank_scores(lambda r, c: scores[r, c], np.array([2, 2]), 3, known)
    assert ranks.realistic_Q.tolist() == [2, 3]
    assert ranks.options_Q.tolist() == [2, 3]


def test_an_unseen_value_is_a_miss_at_every_k_and_adds_nothing_to_mrr() -> None:
    ranks = ranked(torch.tensor([[1.0, 0.0]] * 2), torch.tensor([-1, 0]))
    assert ranks.realistic_Q.tolist() == [3, 1]
    hits = {"mrr": 0.5, "hits@1": 0.5, "hits@3": 0.5, "hits@10": 0.5}
    assert ranks.metrics() == {**hits, "mr": 2, "amr": 4 / 3, "amri": -1}


def test_a_property_without_candidates_has_only_misses() -> None:
    ranks = rank_scores(lambda r, c: torch.zeros(2, 0), np.array([-1, -1]), 0, NOTHING)
    assert ranks.metrics()["hits@10"] == ranks.metrics()["mrr"] == 0


@pytest.mark.parametrize("at_once", [1, 100])
def test_nan_scores_are_an_error_not_a_rank(at_once: int) -> None:
    scores = torch.tensor([[1.0, torch.nan, 0.0]])
    with pytest.raises(K3MError, match="NaN"):
        ranked(scores, torch.tensor([0]), at_once=at_once)


def test_infinite_scores_are_ranked() -> None:
    scores = torch.tensor([[torch.inf, -torch.inf, 0.0], [-torch.inf, -torch.inf, 0.0]])
    assert ranked(scores, torch.tensor([2, 0])).realistic_Q.tolist() == [2, 2.5]


def test_no_queries_give_nan_not_a_perfect_score() -> None:
    assert all(math.isnan(value) for value in Ranks.join([]).metrics().values())


def test_join_keeps_the_order_of_queries() -> None:
    scores, target, known = problem()
    parts = [ranked(scores[s], target[s], known[s]) for s in (slice(0, 9), slice(9, None))]
    joined = Ranks.join(parts)
    np.testing.assert_array_equal(joined.realistic_Q, ranked(scores, target, known).realistic_Q)


class _Scored(LinkPredictor):
    def __init__(self, scorer) -> None:
        super().__init__()
        self.scorer = scorer

    def heads(self, batch): ...

    def relations(self, batch, properties_N): ...

    def tails(self, batch, values_N): ...


def test_candidates_are_ranked_by_the_scorer() -> None:
    from k3m_kg.scorers.build import build_scorer
    from k3m_kg.scorers.settings import TransESettings

    generator = torch.Generator().manual_seed(0)
    head, tails = torch.randn(6, 4, generator=generator), torch.randn(9, 4, generator=generator)
    relation, target = torch.randn(4, generator=generator), torch.arange(6)
    scorer = build_scorer("transe", TransESettings(), 4)
    table = torch.stack(
        [scorer.score(head, relation.expand(6, 4), tail.expand(6, 4)) for tail in tails], 1
    )
    expected = ranked(table, target)
    candidates = Candidates(0, relation, torch.arange(9), tails)
    actual = rank_candidates(
        _Scored(scorer), Heads(head), candidates, target.numpy(), NOTHING, at_once=7
    )
    np.testing.assert_array_equal(actual.realistic_Q, expected.realistic_Q)
