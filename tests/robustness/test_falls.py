"""Falls from the whole catalog are paired, and compared with those of whom the claim is about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from k3m_kg.contracts import Decisions, Outcomes, Scores
from k3m_kg.evaluation.intervals import interval_of
from k3m_kg.robustness.cells import GridCell
from k3m_kg.robustness.fall_tables import fall_differences_of, fall_texts, falls_of
from k3m_kg.robustness.falls import Fall, FallDifference, compared_falls, fall_of
from k3m_kg.robustness.results import GridRow, Results, TaskAsked
from k3m_kg.robustness.tables import falls_csv, markdown, table_of, trainings_text
from tests.robustness.tiny import tiny_settings

PRODUCTS = 60
WHERE = {"task": "link-prediction", "measure": "hits", "corruption": "TMR", "ratio": 1.0}


def cell(right_Q: np.ndarray, order: np.ndarray | None = None) -> GridCell:
    rows = np.arange(len(right_Q))
    order = rows if order is None else order
    outcomes = Scores(rows[order], rows[order], right_Q[order].astype(float), 0 * rows)
    return GridCell("hits", outcomes.figure(), outcomes, {}, {})


def rights(count: int) -> np.ndarray:
    """The first so many products are answered rightly."""
    return np.arange(PRODUCTS) < count


def fall(before: int, after: int) -> Fall:
    found = fall_of({0: cell(rights(before))}, {0: cell(rights(after))})
    assert found is not None
    return found


def compared(falls: dict[str, Fall], rivals: list[str], best: str | None) -> list[FallDifference]:
    return list(compared_falls(falls, next(iter(falls)), rivals, best, **WHERE))


def test_a_fall_is_paired_by_item_whatever_their_order() -> None:
    order = np.random.default_rng(0).permutation(PRODUCTS)
    found = fall_of({0: cell(rights(45))}, {0: cell(rights(30), order)})
    assert found is not None
    assert found.value == pytest.approx(0.25)
    assert found.low < 0.25 < found.high
    of_level = interval_of(cell(rights(45)).outcomes)
    assert (fall(45, 45).low, fall(45, 45).high) == (0, 0)  # though the level has an interval
    assert of_level[1] - of_level[0] > 0.1


def test_only_trainings_that_were_asked_both_count() -> None:
    whole = {seed: cell(rights(40 + seed)) for seed in range(3)}
    found = fall_of(whole, {1: cell(rights(20))})
    assert found is not None
    assert found.value == pytest.approx(21 / PRODUCTS)
    assert fall_of(whole, {7: cell(rights(20))}) is None


def test_outcomes_of_any_kind_have_a_fall() -> None:
    rows = np.arange(PRODUCTS)

    def decided(said: np.ndarray) -> dict[int, GridCell]:
        outcomes: Outcomes = Decisions(rows, rows, said, rights(30))
        return {0: GridCell("f1", outcomes.figure(), outcomes, {}, {})}

    found = fall_of(decided(rights(30)), decided(rights(15)))
    assert found is not None
    assert found.value == pytest.approx(1 - 2 / 3)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("before", "after", "outcome"), [(45, 44, "less"), (45, 25, "level"), (45, 5, "more")]
)
def test_who_falls_less_is_told_by_the_paired_interval(
    before: int, after: int, outcome: str
) -> None:
    (found,) = compared(
        {"k3m": fall(before, after), "vilbert": fall(45, 25)}, ["vilbert"], "vilbert"
    )
    assert found.outcome == outcome
    assert found.difference == pytest.approx((after - 25) / -PRODUCTS)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.difference <= found.high


def test_a_model_is_compared_with_itself_without_knowledge_and_with_the_best_other() -> None:
    falls = {name: fall(45, 30) for name in ("k3m", "k3m-soft", "k3m-no-structure", "linear")}
    found = compared(falls, ["linear"], "linear")
    assert [(one.against, one.variant, one.without_knowledge, one.best) for one in found] == [
        ("k3m-soft", True, False, False),
        ("k3m-no-structure", True, True, False),
        ("linear", False, False, True),
    ]


def test_no_variant_of_the_first_model_is_the_best_other_whichever_is_named_first() -> None:
    names = ("k3m-evidence", "k3m", "k3m-no-structure", "linear", "vilbert", "vilbert-pkg")
    rivals = tiny_settings(models=names).baselines(names)
    assert rivals == ["linear", "vilbert", "vilbert-pkg"]
    found = compared({name: fall(45, 30) for name in names[:4]}, rivals, "linear")
    pairs = [(one.model, one.against, one.variant, one.without_knowledge) for one in found]
    assert pairs == [
        ("k3m-evidence", "k3m", True, False),
        ("k3m-evidence", "k3m-no-structure", True, True),
        ("k3m-evidence", "linear", False, False),
        ("k3m", "k3m-no-structure", True, True),
    ]
    shuffled = ("vilbert-pkg", "vilbert", "k3m")
    assert tiny_settings(models=shuffled).baselines(shuffled) == ["k3m"]


def results(outcome: str, seeds: int = 1) -> Results:
    settings = tiny_settings(models=("k3m", "linear"), seeds=seeds)
    shared = {"task": "link-prediction", "measure": "hits", "seeds": seeds, "spread": float("nan")}
    rows = [
        GridRow(corruption="clean", ratio=0.0, model="k3m", mean=0.6, low=0.5, high=0.7, **shared),
        GridRow(
            corruption="TMR",
            ratio=1.0,
            model="k3m",
            mean=0.4,
            low=0.3,
            high=0.5,
            fall=0.2,
            fall_low=0.1,
            fall_high=0.3,
            **shared,
        ),
    ]
    pair = FallDifference(
        **WHERE,
        model="k3m",
        against="k3m-no-structure",
        variant=True,
        without_knowledge=True,
        best=False,
        fall=0.2,
        fall_against=0.25,
        difference=-0.05,
        low=-0.08,
        high=-0.02,
        p=0.01,
        outcome=outcome,
    )
    asked = {"link-prediction": TaskAsked("hits", 1234, 0.333)}
    return Results(settings, "id", rows, {}, {}, 60, [pair], asked)


def test_the_page_begins_with_who_falls_less_in_words() -> None:
    found = results("less")
    assert fall_texts(found) == [
        "k3m against k3m-no-structure (it, without knowledge), clean to 100 %: falls less with "
        "title missing"
    ]
    _, falls = falls_of(found, "link-prediction")
    assert falls == [["TMR", "k3m", "60.0", "40.0", "+20.0 [+10.0, +30.0]*"]]
    _, differences = fall_differences_of(found, "link-prediction")
    assert differences[0][-2:] == ["-5.0 [-8.0, -2.0]", "falls less"]
    said = markdown(found)
    assert said.index("falls less with title missing") < said.index("Levels:")
    assert "1,234 questions were asked about 60 test products" in said
    assert "*: the best of its column" in said
    assert falls_csv(found).splitlines()[1].endswith(",less")


def test_the_first_words_name_the_best_other_and_where_it_falls_less() -> None:
    found = results("less")
    told = [
        replace(
            found.falls[0],
            corruption=corruption,
            model="k3m-evidence",
            against=against,
            variant=variant,
            without_knowledge=variant,
            best=not variant,
            outcome=outcome,
        )
        for corruption, against, variant, outcome in (
            ("TMR", "k3m-no-structure", True, "level"),
            ("TMR", "linear", False, "less"),
            ("TNR", "linear", False, "level"),
            ("IMR", "linear", False, "level"),
        )
    ]
    assert fall_texts(replace(found, falls=told)) == [
        "k3m-evidence against linear (the best other), clean to 100 %: falls less with title "
        "missing; cannot tell with title of another product, image missing",
        "k3m-evidence against k3m-no-structure (a variant of it, without knowledge), clean to "
        "100 %: cannot tell with title missing",
    ]


def test_the_majority_is_a_row_of_every_table() -> None:
    _, body = table_of(results("less"), "link-prediction", "TMR")
    assert body[-1] == ["majority", "33.3", "33.3"]


def test_one_training_is_said_to_say_little() -> None:
    assert "trained once" in trainings_text(results("less"))
    assert "one seed says little" in trainings_text(results("less"))
    assert "3 times" in trainings_text(results("less", seeds=3))


def test_a_grid_that_is_not_done_says_who_was_trained_how_often() -> None:
    found = results("less", seeds=3)
    settings = tiny_settings(models=("k3m", "vilbert", "lxmert", "linear"), seeds=3)
    rows = [*found.rows, replace(found.rows[0], model="vilbert", seeds=2)]
    found = replace(found, settings=settings, rows=rows, waiting={"vilbert": 3, "lxmert": 9})
    assert "trainings so far, of 3 each: k3m 3, vilbert 2, lxmert 0;" in trainings_text(found)
    assert "12 cells are not asked yet (3 of vilbert, 9 of lxmert)." in markdown(found)


def test_two_models_are_compared_by_the_trainings_that_both_have() -> None:
    three = {seed: cell(rights(45)) for seed in range(3)}
    often = fall_of(three, {0: cell(rights(40)), 1: cell(rights(40)), 2: cell(rights(10))})
    seldom = fall_of(
        {seed: three[seed] for seed in (0, 1)}, dict.fromkeys((0, 1), cell(rights(35)))
    )
    assert often is not None
    assert seldom is not None
    (found,) = compared({"k3m": often, "vilbert": seldom}, ["vilbert"], "vilbert")
    assert (found.fall, found.fall_against) == pytest.approx((5 / PRODUCTS, 10 / PRODUCTS))
    assert found.outcome == "less"
    (found,) = compared({"k3m": often, "linear": fall(45, 35)}, ["linear"], "linear")
    assert found.fall == pytest.approx(45 / 3 / PRODUCTS)  # who is fitted once is beside them all
    other = fall_of({7: cell(rights(45))}, {7: cell(rights(35))})
    assert other is not None
    assert not compared({"k3m": often, "vilbert": other}, ["vilbert"], "vilbert")
