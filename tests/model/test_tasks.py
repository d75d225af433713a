from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from k3m_kg.contracts import KnowledgeText
from k3m_kg.errors import ConfigError
from tests.model.conftest import Built

LEAVE_ONE_OUT = {"name": "lpm", "questions": "leave-one-out"}
HIDDEN = {"name": "lpm", "questions": "hidden"}


def lpm_heads(built: Built, change: Callable[[object, int], None] | None = None, seed: int = 3):
    """The head vector of every question, with one asked value replaced by another if asked for."""
    task = built.tasks["lpm"]
    batch = built.batch(10)
    generator = torch.Generator().manual_seed(seed)
    task.corrupt(batch, generator)
    notes = batch.questions["lpm"]
    if change:
        change(batch, int(notes.asked_Q[0]))
    out = built.model(batch)
    product_Q = batch.triple_product_E[notes.asked_Q]
    if notes.question_N is None:
        return out.cstar_BH[product_Q], batch
    return out.aggregate(product_Q, notes.question_N, notes.triple_N), batch


def other_value(built: Built):
    def change(batch, asked: int) -> None:
        known = built.catalog.candidates[int(batch.triple_property_E[asked])]
        batch.triple_value_E[asked] = int(
            next(v for v in known if v != int(batch.triple_value_E[asked]))
        )
        if batch.knowledge is not None:  # the words change with the value
            batch.knowledge = built.batcher._knowledge(
                batch.size,
                batch.triple_product_E.numpy(),
                batch.triple_property_E.numpy(),
                batch.triple_value_E.numpy(),
            )

    return change


def leaks(built: Built) -> bool:
    """Whether the answer of the first question influences the head that must predict it."""
    before, _ = lpm_heads(built)
    after, _ = lpm_heads(built, other_value(built))
    return not torch.allclose(before[0], after[0])


@pytest.mark.parametrize("task", [LEAVE_ONE_OUT, HIDDEN], ids=["leave-one-out", "hidden"])
@pytest.mark.parametrize("loss", ["margin", "cross-entropy"])
def test_no_question_sees_its_own_answer(build, task: dict, loss: str) -> None:
    built = build(model={"knowledge": "term"}, tasks=[{**task, "loss": loss}])
    assert not leaks(built)


@pytest.mark.parametrize("loss", ["margin", "cross-entropy"])
def test_no_question_reads_its_answer_in_the_knowledge_text(build, loss: str) -> None:
    assert not leaks(build(model={"knowledge": "product"}, tasks=[{**HIDDEN, "loss": loss}]))


def test_a_leak_planted_in_the_knowledge_text_is_caught(
    build, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(model={"knowledge": "product"}, tasks=[HIDDEN])
    monkeypatch.setattr(KnowledgeText, "seen_BK", lambda text, visible_E: text.present_BK)
    # Its triple is out of the aggregation, but the other triples' words read the value.
    assert leaks(built)


def test_further_true_values_are_no_wrong_answers(build) -> None:
    """A product with two colours: neither is a negative of the other."""
    from k3m_kg_tasks.lpm import _other_answers

    built = build(tasks=[HIDDEN])
    batch = built.batcher.batch(built.rows)
    asked = torch.arange(len(batch.triple_value_E))
    others = _other_answers(batch, asked)
    several = 0
    for question in asked.tolist():
        same = (batch.triple_product_E == batch.triple_product_E[question]) & (
            batch.triple_property_E == batch.triple_property_E[question]
        )
        expected = set(batch.triple_value_E[same].tolist()) - {int(batch.triple_value_E[question])}
        assert set(others[question].tolist()) - {-1} == expected
        several += bool(expected)
    assert several


def test_a_planted_leak_is_caught(build, monkeypatch: pytest.MonkeyPatch) -> None:
    built = build(model={"knowledge": "term"}, tasks=[LEAVE_ONE_OUT])
    task = built.tasks["lpm"]
    honest = task._contexts

    def leaking(batch, asked_Q, generator):
        question_N, triple_N = honest(batch, asked_Q, generator)
        own = torch.arange(len(asked_Q))
        question_N, triple_N = torch.cat([question_N, own]), torch.cat([triple_N, asked_Q])
        order = question_N.argsort(stable=True)
        return question_N[order], triple_N[order]

    monkeypatch.setattr(task, "_contexts", leaking)
    assert leaks(built)


def test_leave_one_out_refuses_a_knowledge_text_in_which_answers_could_be_read(build) -> None:
    built = build(model={"knowledge": "product"}, tasks=[LEAVE_ONE_OUT])
    with pytest.raises(ConfigError, match="knowledge text"):
        lpm_heads(built)


@pytest.mark.parametrize("task", [LEAVE_ONE_OUT, HIDDEN], ids=["leave-one-out", "hidden"])
def test_contexts_come_from_the_same_product(build, task: dict) -> None:
    built = build(model={"knowledge": "term"}, tasks=[{**task, "full_context": 1.0}])
    _, batch = lpm_heads(built)
    notes = batch.questions["lpm"]
    if notes.question_N is None:
        assert not batch.triple_visible_E[notes.asked_Q].any()
        return
    asked = notes.asked_Q[notes.question_N]
    assert torch.equal(batch.triple_product_E[asked], batch.triple_product_E[notes.triple_N])
    assert not (asked == notes.triple_N).any()
    own = torch.bincount(batch.triple_product_E)[batch.triple_product_E[notes.asked_Q]]
    seen = torch.bincount(notes.question_N, minlength=len(notes.asked_Q))
    assert torch.equal(seen, own - 1)


def test_a_property_that_is_never_shown_is_context_for_nobody(build) -> None:
    shown = {"price": 0.0}
    built = build(model={"knowledge": "term"}, tasks=[{**LEAVE_ONE_OUT, "shown": shown}])
    _, batch = lpm_heads(built)
    price = built.catalog.properties.index("price")
    assert not (batch.triple_property_E[batch.questions["lpm"].triple_N] == price).any()


def test_an_unknown_property_in_shown_names_the_nearest(build) -> None:
    with pytest.raises(ConfigError, match="'price'"):
        build(tasks=[{**HIDDEN, "shown": {"prise": 0.5}}])


def test_asked_values_are_cut_out_of_titles(build) -> None:
    built = build(tasks=[{**HIDDEN, "cut_title": 1.0, "keep_title": 0.0}])
    _, batch = lpm_heads(built)
    asked = batch.questions["lpm"].asked_Q
    title = batch.modalities["title"]
    spelled = title.spells_EN[asked]
    still_there = title.shown_BN[batch.triple_product_E[asked]] & spelled
    assert spelled.any()
    assert not still_there.any()


def test_mlm_hides_fifteen_percent_as_bert_does(build) -> None:
    built = build(tasks=["mlm"])
    batch = built.batcher.batch(built.rows.repeat(40))
    title = batch.modalities["title"]
    before = title.arrays["ids"].clone()
    present = title.shown_BN
    built.tasks["mlm"].corrupt(batch, torch.Generator().manual_seed(0))
    target = batch.notes["mlm"].target_BT["title"]
    chosen = target != -100
    assert not (chosen & ~present).any()
    assert torch.equal(title.arrays["ids"][~chosen], before[~chosen])
    assert chosen.sum() / present.sum() == pytest.approx(0.15, abs=0.01)
    masked = (title.arrays["ids"] == built.model.text_encoder.mask_id)[chosen].float().mean()
    assert masked == pytest.approx(0.8, abs=0.02)
    kept = (title.arrays["ids"] == before)[chosen].float().mean()
    assert kept == pytest.approx(0.1, abs=0.02)


def test_mom_never_sees_the_region_it_predicts(build) -> None:
    built = build(tasks=[{"name": "mom", "keep": 0.0}])
    batch = built.batch(8)
    built.tasks["mom"].corrupt(batch, torch.Generator().manual_seed(0))
    asked = batch.notes["mom"]
    assert asked.any()
    before = built.model(batch).tokens["image"]
    pixels = batch.modalities["image"].arrays["pixels"]
    grid, patch = built.model.encoders["image"].grid, 8
    for image, product in enumerate(batch.modalities["image"].product_I.tolist()):
        for region in asked[product].nonzero()[:, 0].tolist():
            y, x = divmod(region, grid)
            pixels[image, :, y * patch : (y + 1) * patch, x * patch : (x + 1) * patch] = 17
    torch.testing.assert_close(built.model(batch).tokens["image"], before)


def test_a_task_that_needs_targets_refuses_an_encoder_without(build) -> None:
    with pytest.raises(ConfigError, match="no classes to predict"):
        build(image_encoder={"codebook": 0}, tasks=["mom"])


def test_modality_dropout_never_takes_both(build) -> None:
    task = {"name": "modality-dropout", "title": 0.5, "image": 0.5}
    built = build(tasks=[task, HIDDEN])
    batch = built.batch(20)
    had = batch.modalities["title"].shown_B | batch.modalities["image"].shown_B
    both = batch.modalities["title"].shown_B & batch.modalities["image"].shown_B
    built.tasks["modality-dropout"].corrupt(batch, torch.Generator().manual_seed(0))
    now = batch.modalities["title"].shown_B | batch.modalities["image"].shown_B
    assert torch.equal(had, now)
    assert not (both & batch.modalities["title"].shown_B & batch.modalities["image"].shown_B).any()


def test_modality_dropout_leaves_only_triples_where_it_is_asked_to(build) -> None:
    task = {"name": "modality-dropout", "title": 0, "image": 0, "both": 0.5}
    built = build(tasks=[task, HIDDEN])
    batch = built.batch(20)
    title, image = batch.modalities["title"].shown_B, batch.modalities["image"].shown_B
    built.tasks["modality-dropout"].corrupt(batch, torch.Generator().manual_seed(0))
    neither = ~batch.modalities["title"].shown_B & ~batch.modalities["image"].shown_B
    assert 0 < int(neither.sum()) < 20
    assert torch.equal(batch.modalities["title"].shown_B, title & ~neither)
    assert torch.equal(batch.modalities["image"].shown_B, image & ~neither)


def test_learns_what_the_pictures_and_titles_say(build) -> None:
    """With its own words cut, a colour is only in the picture and a price follows from the kind."""
    built = build(
        model={"knowledge": "term", "hidden": 32},
        tasks=[{**LEAVE_ONE_OUT, "loss": "cross-entropy", "cut_title": 1.0, "keep_title": 0.0}],
    )
    optimizer = torch.optim.AdamW(built.trainer.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    built.trainer.train()
    with_image = built.rows[built.batcher.modalities["image"].has(built.rows)]
    first = last = 0.0
    for step in range(120):
        batch = built.batcher.batch(with_image)
        loss, metrics = built.trainer(built.trainer.corrupt(batch, generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 0:
            first = float(metrics["lpm"])
        last = float(metrics["lpm"])
    assert last < 0.5 * first
