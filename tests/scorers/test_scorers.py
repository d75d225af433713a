from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from k3m_kg.config import validate_settings
from k3m_kg.contracts import LinkScorer, QueryVectors
from k3m_kg.errors import ConfigError
from k3m_kg.scorers.builtin import k3m_kg_link_scorers
from k3m_kg.scorers.interactions import InteractionScorer

N, C, H = 7, 5, 64
PLUGINS = {plugin.name: plugin for plugin in k3m_kg_link_scorers()}
CASES: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("transe", {}, {"d": 64}),
    ("transe", {"p": 1}, {"d": 64}),
    ("transe", {"power_norm": True}, {"d": 64}),
    ("distmult", {}, {"d": 64}),
    ("complex", {}, {"d": 32}),
    ("rotate", {}, {"d": 32}),
    ("autosf", {}, {"d": 32}),
    ("autosf", {"coefficients": [[0, 0, 1, 1], [1, 1, 0, -1], [2, 0, 2, 1]]}, {"d": 21}),
    ("boxe", {}, {"d": 15, "s": 1}),
    ("boxe", {"tanh_map": False, "p": 1}, {"d": 15, "s": 1}),
    ("conve", {}, {"d": 63}),
    ("conve", {"apply_batch_normalization": False, "output_channels": 3}, {"d": 63}),
    ("convkb", {}, {"d": 64}),
    ("cp", {}, {"d": 32, "k": 1}),
    ("cp", {"rank": 4}, {"d": 8, "k": 4}),
    ("crosse", {}, {"d": 32}),
    ("distma", {}, {"d": 64}),
    ("ermlp", {"hidden_dim": 5}, {"d": 64}),
    ("ermlpe", {}, {"d": 64}),
    ("hole", {}, {"d": 64}),
    ("kg2e", {}, {"d": 32}),
    ("lineare", {}, {"d": 21}),
    ("mure", {}, {"d": 32}),
    ("multilineartucker", {}, {"d": 32, "e": 32, "f": 32}),
    ("ntn", {}, {"d": 2, "k": 4}),
    ("ntn", {"slices": 2, "activation": "relu"}, {"d": 4, "k": 2}),
    ("pairre", {}, {"d": 32}),
    ("proje", {}, {"d": 64}),
    ("quate", {}, {"d": 16, "k": 4}),
    ("rescal", {}, {"d": 8}),
    ("se", {}, {"d": 5}),
    ("simple", {}, {"d": 32}),
    ("toruse", {}, {"d": 64}),
    ("transd", {}, {"d": 32, "e": 32}),
    ("transf", {}, {"d": 64}),
    ("transformer", {"num_layers": 1}, {"d": 64}),
    ("transh", {}, {"d": 32}),
    ("transr", {}, {"d": 7, "e": 7}),
    ("transr", {"relation_dimension": 3, "p": 1}, {"d": 20, "e": 3}),
    ("triplere", {}, {"d": 21}),
    ("triplere", {"u": None}, {"d": 21}),
    ("tucker", {}, {"d": 64}),
    ("um", {}, {"d": 64}),
]
"""Name, settings, and how the 64 numbers of a vector are cut, in PyKEEN's letters."""
SCORERS = [(name, settings) for name, settings, _ in CASES]


def build(name: str, settings: dict[str, Any], hidden: int = H) -> InteractionScorer:
    plugin = PLUGINS[name]
    torch.manual_seed(0)
    scorer = plugin.factory(validate_settings(plugin.config, settings, name), hidden)
    assert isinstance(scorer, InteractionScorer)
    return scorer.eval()  # dropout would make two calls differ


def vectors(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    head, relation = (torch.randn(N, H, generator=generator) for _ in range(2))
    return head, relation, torch.randn(N, C, H, generator=generator)


def parts_of(
    shapes: Sequence[str], sizes: dict[str, int], table: Tensor, name: str
) -> list[Tensor]:
    """The numbers of each of PyKEEN's embeddings, cut from vectors one after the other."""
    is_complex = name in ("complex", "rotate")
    parts, start = [], 0
    for place, shape in enumerate(shapes):
        dims = tuple(sizes[letter] for letter in shape)
        count = math.prod(dims) * (1 + is_complex)
        part = table[:, start : start + count]
        start += count
        if name == "kg2e" and place == 1:
            part = torch.nn.functional.softplus(part).clamp(0.05, 5.0)
        if is_complex:
            part = torch.view_as_complex(part.reshape(len(table), *dims, 2))
        parts.append(part.reshape(len(table), *dims))
    return parts


def pykeen_model(
    scorer: InteractionScorer, name: str, sizes: dict[str, int], entities: Tensor, relations: Tensor
) -> Any:
    """PyKEEN's own model with the same interaction, its embeddings overwritten."""
    from pykeen.models import ERModel
    from pykeen.nn import quaternion
    from pykeen.triples import CoreTriplesFactory

    interaction: Any = scorer.interaction
    sides = [
        parts_of(interaction.entity_shape, sizes, entities, name),
        parts_of(interaction.relation_shape, sizes, relations, name),
    ]
    extra: dict[str, Any] = {"quate": {"normalizer": quaternion.normalize}}.get(name, {})
    options = [
        [{"shape": part.shape[1:], "dtype": part.dtype} | more for part in parts]
        for parts, more in zip(sides, ({}, extra), strict=True)
    ]
    ids = torch.arange(len(relations))
    triples = CoreTriplesFactory(torch.stack([ids] * 3, 1), len(entities), len(relations))
    trained = {key: value.clone() for key, value in interaction.state_dict().items()}
    model: Any = ERModel(
        triples_factory=triples,
        interaction=interaction,
        entity_representations_kwargs=options[0],
        **(
            {"relation_representations_kwargs": options[1]}
            if options[1]
            else {"relation_representations": []}
        ),
    ).eval()
    interaction.load_state_dict(trained)  # building the model drew them again
    with torch.no_grad():
        for parts, held in zip(
            sides, (model.entity_representations, model.relation_representations), strict=True
        ):
            for part, representation in zip(parts, held, strict=True):
                if name == "rotate" and held is model.relation_representations:
                    part = part / part.abs()  # PyKEEN constrains phases between steps of training
                weight = representation._embeddings.weight
                raw = torch.view_as_real(part) if part.is_complex() else part
                weight.copy_(raw.reshape(weight.shape))
    return model


def test_every_interaction_of_pykeen_is_there_and_tested() -> None:
    from pykeen.nn.modules import interaction_resolver

    assert PLUGINS.keys() == interaction_resolver.lookup_dict.keys()
    assert {name for name, _ in SCORERS} == PLUGINS.keys()


@pytest.mark.parametrize(("name", "settings", "sizes"), CASES)
def test_scores_equal_pykeens_own_model_on_the_same_numbers(
    name: str, settings: dict[str, Any], sizes: dict[str, int]
) -> None:
    scorer = build(name, settings)
    head, relation, tails_NCH = vectors()
    tail = tails_NCH[:, 0]
    entities = torch.cat([head, tail])
    model = pykeen_model(scorer, name, sizes, entities, relation)
    ids = torch.arange(N)
    with torch.no_grad():
        close = {"atol": 1e-4, "rtol": 1e-4}
        theirs = model.score_hrt(torch.stack([ids, ids, ids + N], 1)).squeeze(1)
        torch.testing.assert_close(scorer.score(head, relation, tail), theirs, **close)
        if name == "um":  # PyKEEN repeats such scores once more than there are entities
            return
        theirs = model.score_t(torch.stack([ids, ids], 1))
        torch.testing.assert_close(scorer.score_tails(head, relation, entities), theirs, **close)
        theirs = model.score_h(torch.stack([ids, ids + N], 1))
        torch.testing.assert_close(scorer.score_heads(entities, relation, tail), theirs, **close)


@pytest.mark.parametrize(("name", "settings"), SCORERS)
@pytest.mark.parametrize("grad", [False, True])
def test_many_candidates_score_as_one_by_one(
    name: str, settings: dict[str, Any], grad: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("k3m_kg.scorers.interactions.BROADCAST_AT_ONCE", 3 * N * H)
    scorer = build(name, settings)
    head, relation, others_NCH = vectors(1)
    close = {"atol": 1e-4, "rtol": 1e-4}
    with torch.set_grad_enabled(grad):
        each = [scorer.score(head, relation, others_NCH[:, c]) for c in range(C)]
        torch.testing.assert_close(
            scorer.score_tails(head, relation, others_NCH), torch.stack(each, 1), **close
        )
        each = [scorer.score(others_NCH[:, c], relation, head) for c in range(C)]
        torch.testing.assert_close(
            scorer.score_heads(others_NCH, relation, head), torch.stack(each, 1), **close
        )
        shared_CH = others_NCH[0]
        each = [scorer.score(head, relation, shared_CH[c].expand(N, H)) for c in range(C)]
        expected = torch.stack(each, 1)
        torch.testing.assert_close(scorer.score_tails(head, relation, shared_CH), expected, **close)
        query = scorer.tail_query(head, relation)
        if query is not None:
            assert torch.equal(query.shortcut(shared_CH).argsort(1), expected.argsort(1))


class OnlyScore(LinkScorer):
    """A stranger's scorer that has just what it must have."""

    def __init__(self, scorer: LinkScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        return self.scorer.score(head_NH, relation_NH, tail_NH)


class WithQuery(OnlyScore):
    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors | None:
        return self.scorer.tail_query(head_NH, relation_NH)

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors | None:
        return self.scorer.head_query(relation_NH, tail_NH)


@pytest.mark.parametrize("kind", [OnlyScore, WithQuery])
@pytest.mark.parametrize("name", ["transe", "complex"])
def test_a_scorer_of_triples_scores_candidates_and_groups_too(
    name: str, kind: type[OnlyScore]
) -> None:
    ours = build(name, {})
    scorer = kind(ours)
    head, relation, others_NCH = vectors(1)
    close = {"atol": 1e-4, "rtol": 1e-4}
    for others in (others_NCH, others_NCH[0], others_NCH[:, :0]):
        torch.testing.assert_close(
            scorer.score_heads(others, relation, head),
            ours.score_heads(others, relation, head),
            **close,
        )
        torch.testing.assert_close(
            scorer.score_tails(head, relation, others),
            ours.score_tails(head, relation, others),
            **close,
        )
    pairs = (head[:6].view(2, 3, H), relation[:6].view(2, 3, H))
    torch.testing.assert_close(
        scorer.score_tail_groups(*pairs, others_NCH[:2]),
        ours.score_tail_groups(*pairs, others_NCH[:2]),
        **close,
    )
    torch.testing.assert_close(
        scorer.score_head_groups(others_NCH[:2], pairs[1], pairs[0]),
        ours.score_head_groups(others_NCH[:2], pairs[1], pairs[0]),
        **close,
    )


@pytest.mark.parametrize(("name", "settings"), SCORERS)
@pytest.mark.parametrize("default", [False, True])
def test_groups_share_their_candidates(name: str, settings: dict[str, Any], default: bool) -> None:
    scorer = build(name, settings)
    generator = torch.Generator().manual_seed(5)
    side_GSH, relation_GSH = (torch.randn(2, 3, H, generator=generator) for _ in range(2))
    other_GCH = torch.randn(2, C, H, generator=generator)
    close = {"atol": 1e-3, "rtol": 1e-3}
    kind: Any = LinkScorer if default else type(scorer)
    expected = torch.stack(
        [scorer.score_tails(side_GSH[g], relation_GSH[g], other_GCH[g]) for g in range(2)]
    )
    actual = kind.score_tail_groups(scorer, side_GSH, relation_GSH, other_GCH)
    torch.testing.assert_close(actual, expected, **close)
    expected = torch.stack(
        [scorer.score_heads(other_GCH[g], relation_GSH[g], side_GSH[g]) for g in range(2)]
    )
    actual = kind.score_head_groups(scorer, other_GCH, relation_GSH, side_GSH)
    torch.testing.assert_close(actual, expected, **close)


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_both_ways_give_the_same_gradient(name: str, settings: dict[str, Any]) -> None:
    scorer = build(name, settings)
    inputs = [tensor.mul(0.3).requires_grad_() for tensor in vectors(2)]
    head, relation, tails = inputs
    looped = torch.stack([scorer.score(head, relation, tails[:, c]) for c in range(C)], 1)
    expected = torch.autograd.grad(looped.sin().sum(), inputs, materialize_grads=True)
    scores = scorer.score_tails(head, relation, tails)
    actual = torch.autograd.grad(scores.sin().sum(), inputs, materialize_grads=True)
    torch.testing.assert_close(actual, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_gradients_are_finite_at_zero_and_at_a_perfect_fit(
    name: str, settings: dict[str, Any]
) -> None:
    scorer = build(name, settings)
    zeros = [torch.zeros(N, H, requires_grad=True) for _ in range(3)]
    total = scorer.score(*zeros).sum() + scorer.score_tails(zeros[0], zeros[1], zeros[2]).sum()
    for gradient in torch.autograd.grad(total, zeros, materialize_grads=True):
        assert gradient.isfinite().all()


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_half_precision_inputs_are_scored_in_full(name: str, settings: dict[str, Any]) -> None:
    scorer = build(name, settings)
    head, relation, tails = (tensor.bfloat16() for tensor in vectors(3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = scorer.score_tails(head, relation, tails)
        single = scorer.score(head, relation, tails[:, 0])
    assert scores.dtype == single.dtype == torch.float32
    expected = scorer.score_tails(head.float(), relation.float(), tails.float())
    torch.testing.assert_close(scores, expected)


def test_rotate_reads_only_the_phases_of_a_relation() -> None:
    head, relation, tails = vectors(4)
    scorer = build("rotate", {})
    longer = (relation.view(N, -1, 2) * torch.rand(N, H // 2, 1).add(0.5)).flatten(1)
    torch.testing.assert_close(
        scorer.score(head, longer, tails[:, 0]), scorer.score(head, relation, tails[:, 0])
    )


@pytest.mark.parametrize("name", ["complex", "rotate"])
def test_an_odd_width_is_a_config_error(name: str) -> None:
    with pytest.raises(ConfigError, match="even width, not 7"):
        build(name, {}, hidden=7)


def test_a_width_that_leaves_numbers_over_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="in 4 equal parts and needs a multiple of 4"):
        build("quate", {}, hidden=30)


@pytest.mark.parametrize("name", ["ntn", "conve"])
def test_a_width_too_small_for_an_interaction_is_a_config_error(name: str) -> None:
    with pytest.raises(ConfigError, match="a width of 6 is too small"):
        build(name, {}, hidden=6)


def test_a_dimension_that_makes_no_picture_is_a_config_error() -> None:
    from k3m_kg.scorers.build import build_scorer

    with pytest.raises(ConfigError, match="23 numbers make no picture"):
        build_scorer("conve", PLUGINS["conve"].config(), 23)


def test_an_impossible_norm_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="p:"):
        build("transe", {"p": 0})


def _python(code: str, home: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYSTOW", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_listing_scorers_imports_neither_torch_nor_pykeen(tmp_path: Path) -> None:
    out = _python(
        "import sys; from k3m_kg.scorers.builtin import k3m_kg_link_scorers as hook\n"
        "print([p.name for p in hook()], [m for m in ('torch', 'pykeen') if m in sys.modules])",
        tmp_path,
    )
    assert out.startswith("['transe', 'distmult', 'complex', 'rotate', ")
    assert out.strip().endswith(" []")


def test_building_a_scorer_leaves_home_untouched_and_no_folder_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    out = _python(
        "from k3m_kg.scorers.builtin import *\n"
        "import os; p = k3m_kg_link_scorers()[0]; p.factory(p.config(), 8)\n"
        "import pykeen; print(os.environ['PYSTOW_HOME'])",
        home,
    )
    assert list(home.iterdir()) == []
    assert out.strip()
    assert not Path(out.strip()).exists()
