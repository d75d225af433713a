"""Regressions: converged linear models of what questions see, mixed with all other terms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from k3m_kg.errors import ArtifactError
from k3m_kg.lpm.evidence.fitting import basis_of, drawn
from k3m_kg.lpm.evidence.mixing import Answered, mixture
from k3m_kg.lpm.evidence.module import Evidence
from k3m_kg.lpm.evidence.regression import DENSE, FILE, USUAL_MIX, WORDS, Regressions
from k3m_kg.lpm.questions import PropertyVectors, Triples, Visibility, ask, asked_of
from k3m_kg.model.k3m import K3M
from k3m_kg.training.evidence import fit_evidence, patterns_of, without
from k3m_kg.training.mixing import fit_mixture
from k3m_kg.use.open_artifact import open_trained
from k3m_kg.use.open_model import OpenModel
from tests.evaluation.shop import shop_snapshot, untrained


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    folder = tmp_path_factory.mktemp("regressions")
    snapshot = shop_snapshot(folder)
    path = untrained(snapshot, folder / "artifact", evidence=True, regressions=True)
    return OpenModel.of(open_trained(path, torch.device("cpu")), snapshot)


def parts_of(opened: OpenModel) -> tuple[K3M, Evidence, Regressions]:
    model = opened.predictor
    assert isinstance(model, K3M)
    assert model.evidence is not None
    assert model.evidence.regressions is not None
    return model, model.evidence, model.evidence.regressions


def questions_about(opened: OpenModel, name: str, split: str) -> tuple[int, Triples]:
    place = opened.batcher.catalog.properties.index(name)
    every = Triples.of(opened.batcher, opened.rows(split))
    return place, every.about(np.array([place]))


def right(
    opened: OpenModel,
    name: str,
    split: str = "test",
    gone: tuple[str, ...] = (),
    *,
    cut: bool = True,
) -> float:
    """How often the regression alone is right."""
    model, evidence, _ = parts_of(opened)
    place, mine = questions_about(opened, name, split)
    vectors = PropertyVectors(model, opened.batcher, 0)(place)
    batch = without(ask(opened.batcher, mine, Visibility(cut_title=cut)), gone)
    with torch.no_grad():
        share_NC, _ = evidence.shares(model.asked(batch), vectors)
    best = opened.batcher.catalog.candidates[place][share_NC.argmax(1).numpy()]
    return float((best == mine.values).mean())


def test_they_answer_before_any_training_by_steps(opened: OpenModel) -> None:
    assert right(opened, "itemColour") > 0.6  # the picture tells it
    assert right(opened, "itemColour", gone=("image",)) < right(opened, "itemColour")


def test_a_title_that_spells_the_value_speaks_for_it(opened: OpenModel) -> None:
    """Completion reads whole titles; where all of training's are cut the word speaks against it."""
    assert right(opened, "kind", cut=False) > 0.7
    assert right(opened, "kind", "train", cut=False) >= right(opened, "kind", "train")


def test_of_the_values_that_training_has_the_shares_are_one_in_all(opened: OpenModel) -> None:
    model, evidence, _ = parts_of(opened)
    place, mine = questions_about(opened, "kind", "test")
    vectors = PropertyVectors(model, opened.batcher, 0)(place)
    with torch.no_grad():
        heads = next(asked_of(model, opened.batcher, mine, Visibility(), batch_size=64))
        share_NC, mix_N2 = evidence.shares(heads, vectors)
        mixed_NC = model.score(heads, vectors)
        rest_NC = model.without_regressions(heads, vectors)
    np.testing.assert_allclose(share_NC.exp().sum(1), 1, atol=1e-5)
    one, other = mix_N2[:, :1], mix_N2[:, 1:]
    torch.testing.assert_close(mixed_NC, one * share_NC + other * rest_NC)


def test_the_formula(opened: OpenModel) -> None:
    """One question's logits, feature by feature."""
    model, evidence, found = parts_of(opened)
    place, mine = questions_about(opened, "kind", "test")
    batch = ask(opened.batcher, mine[:1], Visibility())
    with torch.no_grad():
        heads = model.asked(batch)
        vectors = PropertyVectors(model, opened.batcher, 0)(place)
        share_NC, _ = evidence.shares(heads, vectors)
    assert heads.seen_NK is not None
    assert heads.features_ND is not None
    shown = heads.features_ND[0, -found.width :].numpy()
    hidden = int(found.pattern(torch.from_numpy(shown)[None]))
    fitted = found.every[hidden, place]
    seen = [n for n in heads.seen_NK[0].tolist() if n >= 0]
    length = np.sqrt(sum(found.idf_F[n] ** 2 for n in seen))
    logits = fitted.weight_DK[-1].astype(float)
    for number in seen:
        at = np.flatnonzero(fitted.place_F == number)
        word = found.idf_F[number]
        if len(at):
            logits += (WORDS * word / length if word else 1.0) * fitted.weight_DK[at[0]]
    rows = fitted.weight_DK[len(fitted.place_F) : -1]
    logits += shown[found.dense_columns(hidden)] @ rows
    wanted = logits - np.log(np.exp(logits).sum())
    column = evidence.columns(torch.full_like(vectors.values_C, place), vectors.values_C).numpy()
    np.testing.assert_allclose(
        share_NC[0].numpy(), wanted[np.searchsorted(fitted.column_K, column)], atol=1e-4
    )


def test_hidden_is_absent_and_has_regressions_of_its_own(opened: OpenModel) -> None:
    model, _, found = parts_of(opened)
    assert patterns_of(2) == [0, 1, 2, 3, 4, 5, 6]
    assert {0, 1, 2, 3} <= set(found.hidden) <= set(patterns_of(2))
    _, mine = questions_about(opened, "kind", "test")
    batch = ask(opened.batcher, mine, Visibility())
    for gone, bits in (("title",), 1), (("image",), 2), (("title", "image"), 3):
        hidden, absent = without(batch, ()), without(batch, gone)
        for name in gone:
            hidden.modalities[name].hide(torch.ones(batch.size, dtype=torch.bool))
        with torch.no_grad():
            one, two = model.asked(hidden), model.asked(absent)
        assert one.features_ND is not None
        assert two.features_ND is not None
        torch.testing.assert_close(one.features_ND, two.features_ND)
        assert (found.pattern(two.features_ND[:, -found.width :]) & bits == bits).all()
    assert Regressions(["a", "b", "c"], {}, [], found.idf_F).pattern(torch.zeros(1, 4)) == 7


def test_whole_titles_have_regressions_of_their_own(opened: OpenModel) -> None:
    """Where they spell values; without the title there is nothing to cut."""
    _, _, found = parts_of(opened)
    catalog, whole = opened.batcher.catalog, found.whole
    kind, colour = (catalog.properties.index(name) for name in ("kind", "itemColour"))
    assert (whole, kind) in found.every
    assert (whole | 2, kind) in found.every
    assert not any(hidden == whole | 1 for hidden, _ in found.every)
    fitted = {hidden for hidden, name in found.every if name == colour}
    assert {0, 1, 2, 3} <= fitted
    for name in (kind, colour):
        _, mine = questions_about(opened, catalog.properties[name], "test")
        for cut, bits in ((True, 0), (False, whole)):
            batch = ask(opened.batcher, mine, Visibility(cut_title=cut))
            with torch.no_grad():
                heads = parts_of(opened)[0].asked(batch)
            assert heads.features_ND is not None
            asked = found.pattern(heads.features_ND[:, -found.width :])
            there = torch.tensor([not b & 3 for b in asked.tolist()])
            assert (asked[there] == bits).all()


def test_a_pattern_that_was_not_fitted_does_without_more(opened: OpenModel) -> None:
    _, _, found = parts_of(opened)
    some = [item for item in found.every.values() if item.hidden in (0, 3)]
    fewer = Regressions(found.modalities, found.bases, some, found.idf_F)
    shown = torch.zeros(2, found.width)
    shown[:, 0] = 1  # the title is there, the picture is not
    assert fewer.pattern(shown).tolist() == [3, 3]


def test_they_are_kept_with_the_artifact(opened: OpenModel, tmp_path: Path) -> None:
    _, evidence, found = parts_of(opened)
    evidence.save(tmp_path)
    other = Evidence(evidence.settings, evidence.hidden, ["title", "image"])
    other.load(tmp_path)
    assert other.regressions is not None
    assert other.regressions.every.keys() == found.every.keys()
    for key, item in found.every.items():
        np.testing.assert_array_equal(other.regressions.every[key].weight_DK, item.weight_DK)
    assert other.regressions.mix == found.mix


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("column_C", lambda array: array + 10_000),
        ("place_F", lambda array: array[::-1]),
        ("weight_W", lambda array: array[1:]),
        ("weight_W", lambda array: array * np.nan),
        ("size_Y5", lambda array: array - 1),
        ("size_Y5", lambda array: array + (1 << 40)),
        ("idf_F", lambda array: array[1:]),
    ],
)
def test_a_damaged_file_is_one_error(opened: OpenModel, tmp_path: Path, name, change) -> None:
    _, evidence, _ = parts_of(opened)
    evidence.save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    save_file(arrays, tmp_path / FILE)
    with pytest.raises(ArtifactError, match="damaged"):
        Evidence(evidence.settings, evidence.hidden, ["title", "image"]).load(tmp_path)


def test_the_mixture_follows_who_is_right() -> None:
    random = torch.Generator().manual_seed(0)
    target = torch.randint(4, (200,), generator=random)
    knows = torch.nn.functional.one_hot(target, 4).float() * 3
    noise = torch.randn(200, 4, generator=random)
    found = mixture({0: [Answered(knows, noise, target)], 1: [Answered(noise, knows, target)]})
    assert found[0][0] > 1.5 * found[0][1]  # each is drawn to what both have in common
    assert found[1][1] > 1.5 * found[1][0]
    (alone,) = mixture({0: [Answered(knows, noise, target)]}).values()
    assert alone[0] > 3 * alone[1]
    few = Answered(knows[:9], noise[:9], target[:9])
    assert mixture({0: [few]}) == {}
    # a property with few answers is weighed as all are
    many = Answered(knows, noise, target)
    both = mixture({0: [many], 1: [Answered(noise[:2], knows[:2], target[:2])]})
    assert both[1][0] > both[1][1]


def test_validation_decides_how_much_they_count(opened: OpenModel) -> None:
    model, _, found = parts_of(opened)
    assert found.mix == {}
    try:
        nothing = np.empty(0, np.int64)
        fit_mixture(model, opened.batcher, nothing, nothing)
        assert found.mix == {}
        fit_mixture(model, opened.batcher, opened.rows("train"), nothing)
        place = opened.batcher.catalog.properties.index("itemColour")
        one, other = found.mix[0, place]
        assert one > USUAL_MIX[0] > other  # everything else has random weights
    finally:
        found.mix.clear()


def test_directions_of_features() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(50, 6)) * [1, 2, 3, 4, 5, 0] + 7
    basis = basis_of(values, 4)
    assert basis is not None
    place = (values - basis.mean_F) @ basis.turn_FR
    assert place.shape == (50, 4)
    assert np.sqrt((place**2).sum(1).mean()) == pytest.approx(DENSE, rel=1e-3)
    np.testing.assert_allclose(np.corrcoef(place.T), np.eye(4), atol=1e-4)
    assert basis_of(values[:1], 4) is None
    assert basis_of(values * 0, 4) is None


def test_a_property_of_one_value_has_no_examples() -> None:
    every = Triples(np.arange(6), np.array([0, 0, 0, 1, 1, 1]), np.array([5, 6, 6, 7, 7, 7]))
    assert list(drawn(every, [0, 1])) == [0]


def test_when_time_is_over_those_that_are_asked_least_have_none(opened: OpenModel) -> None:
    model, _, found = parts_of(opened)
    catalog = opened.batcher.catalog
    left_out = fit_evidence(
        model, opened.batcher, opened.batcher.modalities, opened.rows("train"), until=0.0
    )
    assert left_out == len({name for _, name in found.every})
    assert model.evidence is not None
    assert model.evidence.regressions is not None
    assert not model.evidence.regressions.every
    place = catalog.properties.index("kind")
    _, mine = questions_about(opened, "kind", "test")
    vectors = PropertyVectors(model, opened.batcher, 0)(place)
    with torch.no_grad():
        heads = next(asked_of(model, opened.batcher, mine, Visibility(), batch_size=64))
        torch.testing.assert_close(
            model.score(heads, vectors), model.without_regressions(heads, vectors)
        )
    model.evidence.regressions = found
