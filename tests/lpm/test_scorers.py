from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from k3m_kg.config import validate_settings
from k3m_kg.contracts import LinkScorer
from k3m_kg.errors import ConfigError
from k3m_kg.lpm.scorers import k3m_kg_link_scorers

N, C, H = 7, 5, 8
PLUGINS = {plugin.name: plugin for plugin in k3m_kg_link_scorers()}
SCORERS = [("transe", {}), ("transe", {"p": 1}), ("distmult", {}), ("complex", {}), ("rotate", {})]


def build(name: str, settings: dict[str, int], hidden: int = H) -> LinkScorer:
    plugin = PLUGINS[name]
    return plugin.factory(validate_settings(plugin.config, settings, name), hidden)


def vectors(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    head, relation = (torch.randn(N, H, generator=generator) for _ in range(2))
    return head, relation, torch.randn(N, C, H, generator=generator)


def pykeen_model_score(
    name: str, settings: dict[str, int], head: Tensor, relation: Tensor, tail: Tensor
) -> Tensor:
    """Scores by PyKEEN's own model, whose embeddings are overwritten with our numbers."""
    from pykeen.models import ERModel, model_resolver
    from pykeen.triples import CoreTriplesFactory

    n = len(head)
    ids = torch.arange(n)
    triples = CoreTriplesFactory(torch.stack([ids, ids, ids + n], 1), 2 * n, n)
    width = H // 2 if name in ("complex", "rotate") else H
    extra = {"scoring_fct_norm": settings.get("p", 2)} if name == "transe" else {}
    model = model_resolver.make(name, triples_factory=triples, embedding_dim=width, **extra)
    assert isinstance(model, ERModel)
    with torch.no_grad():
        entity = model.entity_representations[0]._embeddings.weight
        entity.copy_(torch.cat([head, tail]).view_as(entity))
        weight = model.relation_representations[0]._embeddings.weight
        weight.copy_(relation.view_as(weight))
    if name == "rotate":
        # PyKEEN constrains the phases between steps of training, not when it scores.
        model.relation_representations[0].post_parameter_update()
    return model.score_hrt(torch.stack([ids, ids, ids + n], 1)).squeeze(1).detach()


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_scores_equal_pykeens_own_model_on_the_same_numbers(
    name: str, settings: dict[str, int]
) -> None:
    head, relation, tails = vectors()
    ours = build(name, settings).score(head, relation, tails[:, 0])
    theirs = pykeen_model_score(name, settings, head, relation, tails[:, 0])
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_score_tails_equals_score_one_by_one(name: str, settings: dict[str, int]) -> None:
    scorer = build(name, settings)
    head, relation, tails_NCH = vectors(1)
    each = torch.stack([scorer.score(head, relation, tails_NCH[:, c]) for c in range(C)], 1)
    torch.testing.assert_close(scorer.score_tails(head, relation, tails_NCH), each)
    shared_CH = tails_NCH[0]
    each = torch.stack(
        [scorer.score(head, relation, shared_CH[c].expand(N, H)) for c in range(C)], 1
    )
    torch.testing.assert_close(scorer.score_tails(head, relation, shared_CH), each)


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_both_ways_give_the_same_gradient(name: str, settings: dict[str, int]) -> None:
    scorer = build(name, settings)
    inputs = [tensor.requires_grad_() for tensor in vectors(2)]
    head, relation, tails = inputs
    looped = torch.stack([scorer.score(head, relation, tails[:, c]) for c in range(C)], 1)
    expected = torch.autograd.grad(looped.sin().sum(), inputs)
    actual = torch.autograd.grad(scorer.score_tails(head, relation, tails).sin().sum(), inputs)
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_gradients_are_finite_at_zero_and_at_a_perfect_fit(
    name: str, settings: dict[str, int]
) -> None:
    scorer = build(name, settings)
    zeros = [torch.zeros(N, H, requires_grad=True) for _ in range(3)]
    total = scorer.score(*zeros).sum() + scorer.score_tails(zeros[0], zeros[1], zeros[2]).sum()
    for gradient in torch.autograd.grad(total, zeros):
        assert gradient.isfinite().all()


@pytest.mark.parametrize(("name", "settings"), SCORERS)
def test_half_precision_inputs_are_scored_in_full(name: str, settings: dict[str, int]) -> None:
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
        "import sys; from k3m_kg.lpm.scorers import k3m_kg_link_scorers as hook\n"
        "print([p.name for p in hook()], [m for m in ('torch', 'pykeen') if m in sys.modules])",
        tmp_path,
    )
    assert out.strip() == "['transe', 'distmult', 'complex', 'rotate'] []"


def test_building_a_scorer_leaves_home_untouched_and_no_folder_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    out = _python(
        "from k3m_kg.lpm.scorers import *\n"
        "import os; p = k3m_kg_link_scorers()[0]; p.factory(p.config(), 8)\n"
        "import pykeen; print(os.environ['PYSTOW_HOME'])",
        home,
    )
    assert list(home.iterdir()) == []
    assert out.strip()
    assert not Path(out.strip()).exists()
