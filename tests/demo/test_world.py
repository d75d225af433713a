"""The demo's catalog comes from the process it claims, and its ceiling is exact."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from k3m_kg.demo import ceiling as ceilings
from k3m_kg.demo.ceiling import Sources, ceiling, perfect_reader
from k3m_kg.demo.generator import BAD_ROWS, DemoCatalog, Mess, Truth, generate, read_truth
from k3m_kg.demo.pictures import SIZE, draw_picture
from k3m_kg.demo.titles import MENTIONED, write_title
from k3m_kg.demo.world import PROPERTIES, VARIABLES, WORLD, draw

PRODUCTS = 400


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> DemoCatalog:
    return generate(tmp_path_factory.mktemp("demo"), PRODUCTS, seed=3)


@pytest.fixture(scope="module")
def truths(catalog: DemoCatalog) -> list[Truth]:
    return list(read_truth(catalog.truth).values())


def test_every_table_holds_probabilities() -> None:
    for variable in WORLD:
        shape = tuple(len(VARIABLES[name].values) for name in variable.parents)
        assert variable.table.shape == (*shape, len(variable.values))
        np.testing.assert_allclose(variable.table.sum(-1), 1)
        assert (variable.table >= 0).all()


def test_no_two_values_share_a_word() -> None:
    words = [w for v in WORLD for value in v.values for w in set(value.split())]
    assert {w for w in words if words.count(w) > 1} <= {"years", "wash"}


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    one, two = (generate(tmp_path / name, 20, seed=7) for name in ("one", "two"))
    other = generate(tmp_path / "three", 20, seed=8)
    assert one.catalog.read_bytes() == two.catalog.read_bytes()
    assert one.truth.read_bytes() == two.truth.read_bytes()
    assert one.catalog.read_bytes() != other.catalog.read_bytes()
    for path in one.images.iterdir():
        assert path.read_bytes() == (two.images / path.name).read_bytes()


def test_the_mess_has_the_shares_it_claims(truths: list[Truth]) -> None:
    mess = Mess()
    for attribute in ("title", "image"):
        states = [getattr(truth, attribute) for truth in truths]
        for state in ("missing", "wrong"):
            expected = getattr(mess, f"{attribute}_{state}")
            assert abs(states.count(state) / PRODUCTS - expected) < 0.05
    known = sum(len(truth.known) for truth in truths) / (PRODUCTS * len(PROPERTIES))
    assert abs(1 - known - mess.cell_missing) < 0.02


def test_the_files_hold_what_the_truth_says(catalog: DemoCatalog, truths: list[Truth]) -> None:
    with catalog.catalog.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == PRODUCTS + BAD_ROWS
    for row, truth in zip(rows, truths, strict=False):
        assert bool(row["name"]) == (truth.title != "missing")
        for words in truth.mentions.values():
            assert words.lower() in row["name"].lower()
        assert bool(row["photo"]) == (truth.image != "missing")
        if row["photo"]:
            with Image.open(catalog.images / row["photo"]) as picture:
                assert picture.size == (SIZE, SIZE)
        for name in PROPERTIES:
            expected = {truth.facts[name]} if name in truth.known else {"", "n/a", "-"}
            assert row[name] in expected


def test_own_titles_state_facts_and_wrong_ones_another_product(truths: list[Truth]) -> None:
    for truth in truths:
        if truth.title == "own":
            assert all(truth.facts[name] == value for name, value in truth.mentioned.items())
        if truth.image == "own":
            assert truth.pictured == truth.facts
    wrong = [t for t in truths if t.title == "wrong"]
    assert any(t.facts.items() & t.mentioned.items() != t.mentioned.items() for t in wrong)


def test_some_properties_are_never_in_a_title() -> None:
    assert set(PROPERTIES) - set(MENTIONED) == {"form", "care", "origin", "warranty"}
    generator = np.random.default_rng(0)
    for _ in range(200):
        facts = draw(generator)
        title, mentions = write_title(facts, generator)
        assert set(mentions) <= set(MENTIONED)
        assert facts["origin"].lower() not in title.lower()


def test_pictures_of_one_product_differ() -> None:
    generator = np.random.default_rng(0)
    facts = draw(generator)
    one, two = (np.asarray(draw_picture(facts, generator), float) for _ in range(2))
    assert np.abs(one - two).mean() > 3


def brute_force(asked: str, evidence: list[dict[str, str]]) -> np.ndarray:
    """The joint probability by going through every product that there could be."""
    fixed = {name: value for facts in evidence for name, value in facts.items()}
    if any(fixed[name] != value for facts in evidence for name, value in facts.items()):
        return np.zeros(len(VARIABLES[asked].values))
    choices = [
        [v.values.index(fixed[v.name])] if v.name in fixed else range(len(v.values)) for v in WORLD
    ]
    total = np.zeros(len(VARIABLES[asked].values))
    for places in itertools.product(*choices):
        chosen = dict(zip(PROPERTIES, places, strict=True))
        probability = 1.0
        for variable in WORLD:
            parents = tuple(chosen[name] for name in variable.parents)
            probability *= variable.table[(*parents, chosen[variable.name])]
        total[chosen[asked]] += probability
    return total


@pytest.mark.parametrize("asked", PROPERTIES)
def test_the_sums_are_those_of_going_through_everything(asked: str) -> None:
    facts = draw(np.random.default_rng(5))
    hidden = {asked, "brand", "care", "warranty"}
    evidence = [{name: facts[name] for name in PROPERTIES if name not in hidden}, {}]
    np.testing.assert_allclose(
        ceilings._joint(asked, [[item] for item in evidence])[0], brute_force(asked, evidence)
    )


def test_contradictory_evidence_has_no_probability() -> None:
    evidence = [[{"colour": "red"}], [{"colour": "blue"}]]
    assert ceilings._joint("brand", evidence).sum() == 0


def _truth(**changes: object) -> Truth:
    facts = draw(np.random.default_rng(1))
    base: dict[str, object] = {
        "id": "x",
        "facts": facts,
        "known": [],
        "title": "missing",
        "mentions": {},
        "mentioned": {},
        "image": "missing",
        "pictured": {},
    }
    return Truth(**{**base, **changes})  # type: ignore[arg-type]


def test_a_product_that_shows_nothing_is_guessed_by_frequency() -> None:
    found = perfect_reader([_truth()], "warranty", Mess())[0]
    np.testing.assert_allclose(found, VARIABLES["warranty"].table)


def test_a_picture_tells_its_colour_unless_it_may_be_wrong() -> None:
    truth = _truth(image="own", pictured=_truth().facts)
    place = VARIABLES["colour"].values.index(truth.facts["colour"])
    sure = perfect_reader([truth], "colour", Mess(image_wrong=0))[0, place]
    unsure = perfect_reader([truth], "colour", Mess(image_wrong=0.3))[0, place]
    assert sure == pytest.approx(1)
    assert 0.5 < unsure < 1


def test_the_cut_word_is_no_evidence_but_a_synonym_is() -> None:
    colour = _truth().facts["colour"]
    exact = _truth(title="own", mentions={"colour": colour}, mentioned={"colour": colour})
    synonym = _truth(title="own", mentions={"colour": "hue"}, mentioned={"colour": colour})
    place = VARIABLES["colour"].values.index(colour)
    mess = Mess(title_wrong=0)
    assert perfect_reader([exact], "colour", mess)[0, place] < 0.5
    assert perfect_reader([synonym], "colour", mess)[0, place] == pytest.approx(1)


def test_the_asked_triple_is_no_evidence() -> None:
    without, with_it = _truth(), _truth(known=["brand"])
    np.testing.assert_allclose(
        perfect_reader([without], "brand", Mess()), perfect_reader([with_it], "brand", Mess())
    )


def test_the_reader_is_as_right_as_it_is_sure(truths: list[Truth]) -> None:
    mess = Mess()
    questions = [(truth, name) for truth in truths for name in truth.known]
    sure = np.concatenate(
        [
            perfect_reader([t for t, asked in questions if asked == name], name, mess).max(1)
            for name in PROPERTIES
        ]
    )
    right = ceiling(questions, mess)
    assert abs(sure.mean() - right.mean()) < 0.02


def test_more_sources_never_hurt_and_no_one_knows_the_random_property(
    truths: list[Truth],
) -> None:
    questions = [(truth, name) for truth in truths[:150] for name in truth.known]
    warranty = np.array([name == "warranty" for _, name in questions])
    whole = ceiling(questions, Mess())
    for fewer in (Sources(title=False), Sources(image=False), Sources(triples=False)):
        assert ceiling(questions, Mess(), fewer).mean() < whole.mean()
    guess = np.mean(
        [truth.facts["warranty"] == "one year" for truth, name in questions if name == "warranty"]
    )
    assert whole[warranty].mean() == guess
