from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch

from k3m_kg.config import ValidationSettings
from k3m_kg.errors import K3MError, UsageError
from k3m_kg.lpm.link_ranks import rank_by_frequency, rank_questions, validate_links
from k3m_kg.lpm.questions import (
    WHOLE_PROPERTY,
    PropertyVectors,
    Triples,
    Visibility,
    answerable,
    ask,
    heads_of,
)
from tests.lpm.tiny_links import Tattler, make_source


@pytest.fixture
def tattler() -> Tattler:
    return Tattler()


COLOURS, SHAPES = [0, 1, 2, 3], [4, 5]


def catalog_of(products, titles=None):
    return make_source(products, [COLOURS, SHAPES], titles)


def shop(count: int = 40):
    generator = np.random.default_rng(0)
    return catalog_of(
        [
            [(0, int(generator.integers(4))), (1, 4 + int(generator.integers(2)))]
            for _ in range(count)
        ],
        [[] for _ in range(count)],
    )


def everything(source) -> Triples:
    return Triples.of(source, np.arange(len(source.products)))


def ranks_of(predictor, source, visibility=None, questions=None, batch_size=7):
    truth = everything(source)
    return rank_questions(
        predictor,
        source,
        truth if questions is None else questions,
        visibility or Visibility(),
        truth=truth,
        batch_size=batch_size,
    )


def test_a_model_that_reads_visible_triples_does_no_better_than_chance(tattler: Tattler) -> None:
    metrics = ranks_of(tattler, shop()).per_property()
    assert metrics["p0"]["mr"] == 2.5  # every colour scores alike: the middle rank
    assert metrics["p1"]["mr"] == 1.5
    assert metrics["p0"]["hits@1"] == metrics["p1"]["hits@1"] == 0


def test_the_planted_leak_is_one_when_the_asked_triple_is_shown(tattler: Tattler) -> None:
    source = shop()
    heads = tattler.heads(source.batch(np.arange(40)))
    truth = everything(source)
    assert (heads[truth.rows, truth.values] == 1).all()  # what `ask` must prevent, and does


def test_a_title_that_spells_the_value_gives_it_away_unless_it_is_cut(tattler: Tattler) -> None:
    source = shop()
    source.titles = [[value for _, value in product] for product in source.products]
    kept = ranks_of(tattler, source, Visibility(cut_title=False))
    assert kept.metrics()["hits@1"] == 1
    cut = ranks_of(tattler, source, Visibility(cut_title=True))
    assert cut.metrics()["hits@1"] == 0
    assert cut.per_property()["p0"]["mr"] == 2.5


def test_only_the_asked_value_is_cut_and_only_in_its_own_question() -> None:
    source = catalog_of([[(0, 1), (1, 4)]], [[1, 4, 1]])
    questions = Triples(np.array([0, 0]), np.array([0, 1]), np.array([1, 4]))
    batch = ask(source, questions, Visibility())
    assert batch.modalities["title"].shown_BN.tolist() == [
        [False, True, False],
        [True, False, True],
    ]
    assert batch.triple_visible_E.tolist() == [False, True, True, False]


def test_scores_do_not_depend_on_the_asked_value() -> None:
    """The same products with other colours: each question must look the same to the model."""

    def seen(colours: list[int]) -> torch.Tensor:
        source = catalog_of(
            [[(0, colour), (1, 4)] for colour in colours], [[5, colour] for colour in colours]
        )
        questions = everything(source).about(np.array([0]))
        return torch.cat(list(heads_of(Tattler(), source, questions, Visibility(), batch_size=2)))

    assert torch.equal(seen([0, 1, 2]), seen([3, 3, 0]))


def test_of_a_multi_valued_property_only_the_asked_value_is_hidden(tattler: Tattler) -> None:
    source = catalog_of([[(0, 0), (0, 1), (1, 4)]])
    batch = ask(source, Triples(*(np.array([x]) for x in (0, 0, 1))), Visibility())
    assert batch.triple_visible_E.tolist() == [True, False, True]
    whole = ask(source, Triples(*(np.array([x]) for x in (0, 0, WHOLE_PROPERTY))), Visibility())
    assert whole.triple_visible_E.tolist() == [False, False, True]


def test_hidden_properties_and_held_out_triples_are_never_seen() -> None:
    source = catalog_of([[(0, 0), (0, 1), (1, 4)], [(0, 1), (1, 5)]])
    question = Triples(np.array([0, 1]), np.array([0, 0]), np.array([0, 1]))
    hidden = ask(source, question, Visibility(hide=np.array([1])))
    assert hidden.triple_visible_E.tolist() == [False, True, False, False, False]
    never = Triples(np.array([0]), np.array([0]), np.array([1]))
    held = ask(source, question, Visibility(never=never))
    assert held.triple_visible_E.tolist() == [False, False, True, False, True]


def test_other_true_values_of_the_product_are_filtered(tattler: Tattler) -> None:
    source = catalog_of([[(0, 0), (0, 1)]])
    # The other colour is seen and says itself: unfiltered it would always come first.
    found = ranks_of(tattler, source)
    assert found.per_property()["p0"]["mr"] == 2  # of three that are left, all alike
    assert found.ranks[0].options_Q.tolist() == [3, 3]


def test_answers_never_taken_in_training_are_misses_and_counted(tattler: Tattler) -> None:
    source = make_source([[(0, 7)], [(0, 1)]], [COLOURS], [[], [1]])
    report = ranks_of(tattler, source, Visibility(cut_title=False)).per_property()["p0"]
    assert (report["questions"], report["unseen"]) == (2, 1)
    assert report["hits@10"] == report["mrr"] == 0.5
    assert report["mr"] == 3  # ranks 1 and 4 + 1


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_batching_and_order_change_nothing(tattler: Tattler, batch_size: int) -> None:
    source = shop()
    source.titles = [[int(v)] for v in np.random.default_rng(1).integers(6, size=40)]
    truth = everything(source)
    shuffled = truth[np.random.default_rng(2).permutation(len(truth))]
    expected = ranks_of(tattler, source).metrics()
    tattler.rows_seen.clear()
    done = []
    actual = rank_questions(
        tattler,
        source,
        shuffled,
        Visibility(),
        truth=truth,
        batch_size=batch_size,
        progress=done.append,
    )
    assert actual.metrics() == expected
    assert max(tattler.rows_seen) == min(batch_size, 80)
    assert sum(done) == 80


def test_many_blocks_of_questions_equal_one(tattler: Tattler, monkeypatch) -> None:
    source = shop()
    source.titles = [[int(v)] for v in np.random.default_rng(1).integers(6, size=40)]
    expected = ranks_of(tattler, source)
    monkeypatch.setattr("k3m_kg.lpm.link_ranks._QUERIES_AT_ONCE", 9)
    monkeypatch.setattr("k3m_kg.lpm.questions._TAILS_AT_ONCE", 1)
    actual = ranks_of(tattler, source)
    for one, other in zip(actual.ranks, expected.ranks, strict=True):
        np.testing.assert_array_equal(one.realistic_Q, other.realistic_Q)


def test_macro_is_the_mean_over_properties_and_micro_over_questions(tattler: Tattler) -> None:
    source = make_source([[(0, 0)], [(0, 0)], [(0, 0)], [(1, 4)]], [COLOURS, SHAPES])
    source.titles = [[], [], [], [4]]
    metrics = ranks_of(tattler, source, Visibility(cut_title=False)).metrics()
    assert metrics["hits@1"] == 0.25
    assert metrics["macro_hits@1"] == 0.5


def test_the_majority_baseline_ranks_by_training_frequency_with_the_same_filter() -> None:
    source = catalog_of([[(0, 0)], [(0, 1)], [(0, 0), (0, 1)], [(0, 3)]])
    truth = everything(source)
    report = rank_by_frequency(source.catalog, truth, truth).per_property()["p0"]
    # counts fall with the id: ranks 1, 2, then 1 and 1 (the other true one filtered), then 4
    assert report["hits@1"] == pytest.approx(3 / 5)
    assert report["mr"] == pytest.approx((1 + 2 + 1 + 1 + 4) / 5)


def test_of_values_that_are_as_frequent_the_majority_says_the_first() -> None:
    source = catalog_of([[(0, 0)], [(0, 1)], [(0, 0), (0, 1)], [(0, 3)]])
    truth = everything(source)
    source.catalog.counts[0][:] = 7
    report = rank_by_frequency(source.catalog, truth, truth).per_property()["p0"]
    assert report["hits@1"] == pytest.approx(3 / 5)  # by ties it would be none
    assert report["mr"] == pytest.approx((1 + 2 + 1 + 1 + 4) / 5)


def test_the_predictor_is_asked_in_evaluation_mode_and_left_as_it_was() -> None:
    class Watcher(Tattler):
        def heads(self, batch):
            assert not self.training
            assert not torch.is_grad_enabled()
            return super().heads(batch)

    watcher = Watcher().train()
    ranks_of(watcher, shop())
    assert watcher.training


def test_nan_scores_are_an_error() -> None:
    class Broken(Tattler):
        def heads(self, batch):
            return super().heads(batch) * torch.nan

    with pytest.raises(K3MError, match="NaN"):
        ranks_of(Broken(), shop())


def test_validation_asks_all_properties_with_a_choice_unless_told(tattler: Tattler) -> None:
    source = make_source([[(0, 0), (1, 4), (2, 6)]], [COLOURS, SHAPES, [6]])
    rows = np.array([0])
    report = validate_links(tattler, source, rows, ValidationSettings(), batch_size=4)
    assert list(report["per_property"]) == ["p0", "p1"]
    assert answerable(source.catalog).tolist() == [0, 1]
    chosen = ValidationSettings(properties=("p1",))
    report = validate_links(tattler, source, rows, chosen, batch_size=4)
    assert list(report["per_property"]) == ["p1"]


def test_an_unknown_property_names_the_nearest(tattler: Tattler) -> None:
    source = make_source([[(0, 0)]], [COLOURS])
    source.catalog.properties[0] = "colour"
    settings = ValidationSettings(properties=("color",))
    with pytest.raises(UsageError, match="Did you mean 'colour'"):
        validate_links(tattler, source, np.array([0]), settings, batch_size=4)


def test_vectors_of_properties_are_encoded_once_and_the_oldest_are_dropped_when_full() -> None:
    class Counter(Tattler):
        encoded: ClassVar[list[list[int]]] = []

        def tails(self, batch, values_N):
            self.encoded.append(values_N.tolist())
            return super().tails(batch, values_N)

    counter = Counter()
    roomy = PropertyVectors(counter, shop(), 0, keep=6)
    for name in (0, 1, 0, 1):
        assert len(roomy(name)) == len([COLOURS, SHAPES][name])
    assert counter.encoded == [COLOURS, SHAPES]
    tight = PropertyVectors(counter, shop(), 0, keep=5)
    counter.encoded.clear()
    for name in (0, 1, 1, 0):
        tight(name)
    assert counter.encoded == [COLOURS, SHAPES, COLOURS]
