from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.model.conftest import Built

CONTEXTS = ("product", "term")


@pytest.mark.parametrize("knowledge", CONTEXTS)
def test_what_is_absent_never_influences_a_result(build, knowledge: str) -> None:
    built: Built = build(model={"knowledge": knowledge})
    batch = built.batch()
    title, image = batch.modalities["title"], batch.modalities["image"]
    title.tokens_BN[0] = False
    title.tokens_BN[1, 1] = False
    image.present_B[2] = False
    before = built.model(batch).cstar_BH
    title.arrays["ids"][0] = 7
    title.arrays["ids"][1, 1] = 7
    place = image.product_I.tolist().index(2)
    image.arrays["pixels"][place] = 0
    if batch.knowledge is not None:
        absent = ~batch.knowledge.present_BK
        batch.knowledge.ids_BK[absent] = 7
    torch.testing.assert_close(built.model(batch).cstar_BH, before)


@pytest.mark.parametrize("knowledge", CONTEXTS)
def test_an_invisible_triple_never_influences_c_star(build, knowledge: str) -> None:
    built: Built = build(model={"knowledge": knowledge})
    batch = built.batch()
    batch.triple_visible_E[1] = False
    before = built.model(batch).cstar_BH
    changed = built.batch()
    changed.triple_visible_E[1] = False
    asked = int(changed.triple_property_E[1])
    other = next(v for v in built.catalog.candidates[asked] if v != int(changed.triple_value_E[1]))
    changed.triple_value_E[1] = int(other)
    if changed.knowledge is not None:  # the words of another value
        changed.knowledge = built.batcher._knowledge(
            changed.size,
            changed.triple_product_E.numpy(),
            changed.triple_property_E.numpy(),
            changed.triple_value_E.numpy(),
        )
    torch.testing.assert_close(built.model(changed).cstar_BH, before)


def test_a_visible_triple_does_influence_c_star(build) -> None:
    built: Built = build()
    batch = built.batch()
    before = built.model(batch).cstar_BH
    batch.triple_visible_E[1] = False
    product = int(batch.triple_product_E[1])
    assert not torch.allclose(built.model(batch).cstar_BH[product], before[product])


def test_a_product_is_embedded_alike_alone_and_in_company(build, rows: np.ndarray) -> None:
    built: Built = build()
    together = built.model(built.batcher.batch(rows[:9])).cstar_BH
    alone = torch.cat(
        [built.model(built.batcher.batch(rows[k : k + 1])).cstar_BH for k in range(9)]
    )
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_a_product_with_nothing_at_all_has_a_finite_vector(build, rows: np.ndarray) -> None:
    built: Built = build()
    batch = built.batcher.batch(rows[:1])
    for tokens in batch.modalities.values():
        tokens.present_B[:] = False
    batch.triple_visible_E[:] = False
    assert built.model(batch).cstar_BH.isfinite().all()


def test_a_word_cut_out_of_a_title_leaves_no_gap(build) -> None:
    built: Built = build()
    encoder = built.model.text_encoder
    whole, short = (encoder.prepare([text])[0].ids for text in ("nice red mug", "nice mug"))
    present = torch.tensor([[place != 1 for place in range(len(whole))]])
    cut = encoder(torch.tensor([whole]), present)[present]
    torch.testing.assert_close(cut, encoder(torch.tensor([short]), torch.ones(1, 2).bool())[0])


def test_title_words_that_spell_a_value_are_found(build) -> None:
    built: Built = build()
    batch = built.batch()
    encoder = built.model.text_encoder
    assert batch.modalities["title"].spells_EN.any()
    for triple, place in batch.modalities["title"].spells_EN.nonzero().tolist():
        value = built.catalog.values[int(batch.triple_value_E[triple])]
        product = int(batch.triple_product_E[triple])
        assert (
            int(batch.modalities["title"].arrays["ids"][product, place])
            in encoder.prepare([value])[0].ids
        )


@pytest.mark.parametrize("pool", ["tokens", "modalities"])
def test_pooling_is_a_mean_over_what_is_present(build, pool: str) -> None:
    built: Built = build(model={"pool": pool})
    batch = built.batch()
    out = built.model(batch)
    title, image = (batch.modalities[name].shown_BN for name in ("title", "image"))
    for row in range(batch.size):
        tokens, regions = out.tokens["title"][row][title[row]], out.tokens["image"][row][image[row]]
        parts = [part for part in (tokens, regions) if len(part)]
        if pool == "tokens":
            expected = torch.cat(parts).mean(0)
        else:
            expected = torch.stack([part.mean(0) for part in parts]).mean(0)
        torch.testing.assert_close(out.c_BH[row], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("fusion", ["mean", "soft-spl", "hard-spl", "interactive-only"])
def test_a_fusion_is_swapped_by_its_name_alone(build, fusion: str) -> None:
    built: Built = build(fusion=fusion)
    built.trainer.train()
    batch = built.trainer.corrupt(built.batch(), torch.Generator().manual_seed(0))
    loss, metrics = built.trainer(batch)
    loss.backward()
    assert {"mlm", "mom", "lpm"} <= set(metrics)


def test_every_weight_learns(build) -> None:
    built: Built = build()
    built.trainer.train()
    batch = built.trainer.corrupt(built.batch(16), torch.Generator().manual_seed(0))
    loss, _ = built.trainer(batch)
    loss.backward()
    silent = {n for n, p in built.trainer.named_parameters() if p.grad is None or not p.grad.any()}
    assert not {name for name in silent if "norm" not in name and "bias" not in name}, silent


class _AsOnCuda(TorchDispatchMode):
    """Refuses what CUDA has no kernel for, though the CPU has."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run it, or refuse."""
        if "embedding_bag" in func.name():
            tensors = [item for item in args if isinstance(item, torch.Tensor)]
            assert not any(item.dtype == torch.bfloat16 for item in tensors), func
        return func(*args, **(kwargs or {}))


def test_a_step_in_bfloat16_is_close_to_one_in_float32(build) -> None:
    losses = []
    for half in (False, True):
        built: Built = build()
        batch = built.trainer.corrupt(built.batch(16), torch.Generator().manual_seed(0))
        with _AsOnCuda():
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss, _ = built.trainer(batch)
            loss.backward()
        assert all(
            p.grad.isfinite().all() for p in built.trainer.parameters() if p.grad is not None
        )
        losses.append(float(loss.detach()))
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
