from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from k3m_kg.lpm.losses import (
    binary_cross_entropy,
    info_nce,
    margin_ranking,
    nssa,
    segment_cross_entropy,
)
from k3m_kg.scorers.pykeen_home import keep_home_clean


def test_margin_ranking_equals_pykeens_loss_with_the_mask_as_batch_filter() -> None:
    keep_home_clean()
    from pykeen.losses import MarginRankingLoss

    generator = torch.Generator().manual_seed(0)
    positive, negative = (torch.randn(n, generator=generator) for n in (6, 6 * 4))
    negative = negative.view(6, 4)
    mask = torch.rand(6, 4, generator=generator) < 0.6
    theirs = MarginRankingLoss(margin=0.7).process_slcwa_scores(
        positive[:, None], negative[mask], batch_filter=mask
    )
    torch.testing.assert_close(margin_ranking(positive, negative, mask, 0.7), theirs)


def scored(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    positive = torch.randn(6, generator=generator)
    negative = torch.randn(6, 4, generator=generator)
    return positive, negative, torch.rand(6, 4, generator=generator) < 0.6


@pytest.mark.parametrize("masked", [False, True])
def test_losses_and_gradients_equal_pykeens_of_that_name(masked: bool) -> None:
    keep_home_clean()
    from pykeen.losses import BCEWithLogitsLoss, CrossEntropyLoss, InfoNCELoss, NSSALoss

    pairs = [
        (NSSALoss(margin=2.0, adversarial_temperature=0.7), lambda *x: nssa(*x, 2.0, 0.7)),
        (NSSALoss(), nssa),
        (InfoNCELoss(), info_nce),
        (InfoNCELoss(0.1, -1.0), lambda *x: info_nce(*x, 0.1, torch.e**-1)),
        (CrossEntropyLoss(), lambda *x: info_nce(*x, 0.0, 1.0)),
        (BCEWithLogitsLoss(), binary_cross_entropy),
    ]
    positive, negative, mask = scored()
    mask[:, 0] = True  # PyKEEN makes NaN of a row without negatives
    if not masked:
        mask = torch.ones_like(mask)
    for theirs, ours in pairs:
        found = []
        for side in ("theirs", "ours"):
            p, n = positive.clone().requires_grad_(), negative.clone().requires_grad_()
            if side == "ours":
                loss = ours(p, n, mask)
            else:
                loss = theirs.process_slcwa_scores(
                    p[:, None], n[mask] if masked else n, batch_filter=mask if masked else None
                )
            found.append((loss, *torch.autograd.grad(loss, (p, n))))
        torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("loss", [nssa, info_nce, binary_cross_entropy])
def test_masked_scores_are_never_read_and_rows_without_negatives_do_no_harm(loss) -> None:
    positive, negative, mask = scored(1)
    mask[2] = False
    positive.requires_grad_()
    spoilt = negative.masked_fill(~mask, torch.nan).requires_grad_()
    value = loss(positive, spoilt, mask)
    torch.testing.assert_close(value, loss(positive, negative, mask))
    value.backward()
    assert positive.grad.isfinite().all()
    assert (spoilt.grad[~mask] == 0).all()


def test_margin_ranking_never_reads_masked_scores() -> None:
    positive = torch.zeros(2, requires_grad=True)
    negative = torch.tensor([[0.5, torch.nan], [torch.inf, 0.25]], requires_grad=True)
    mask = torch.tensor([[True, False], [False, True]])
    loss = margin_ranking(positive, negative, mask, 1.0)
    assert loss.item() == pytest.approx(1.375)
    loss.backward()
    assert positive.grad.tolist() == [-0.5, -0.5]
    assert negative.grad.tolist() == [[0.5, 0], [0, 0.5]]


def test_losses_without_anything_to_learn_from_are_zero_and_differentiable() -> None:
    positive = torch.ones(2, requires_grad=True)
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    loss = margin_ranking(positive, torch.ones(2, 3), nothing, 1.0)
    loss.backward()
    assert loss.item() == 0
    assert positive.grad.tolist() == [0, 0]


def flat(
    scores_NC: torch.Tensor, target_N: torch.Tensor, open_NC: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """The loss of each row, of candidates that all rows have equally many of."""
    count, width = scores_NC.shape
    target_Q = torch.where(target_N >= 0, torch.arange(count) * width + target_N, -1)
    question_P = torch.arange(count).repeat_interleave(width)
    return segment_cross_entropy(
        scores_NC.flatten(), question_P, target_Q, open_NC.flatten(), smoothing
    )


def test_cross_entropy_of_nothing_is_zero_and_differentiable() -> None:
    scores = torch.ones(2, 3, requires_grad=True)
    loss = flat(scores, torch.tensor([-1, 1]), torch.zeros(2, 3, dtype=torch.bool)).sum()
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.tolist() == [[0] * 3] * 2

    empty = torch.zeros(0, 3, requires_grad=True)
    flat(empty, torch.zeros(0, dtype=torch.long), torch.zeros(0, 3) > 0).sum().backward()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs_over_each_rows_own_candidates(smoothing: float) -> None:
    scores = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 0, 1, 0], [0, 0, 1, 0, 1]], dtype=torch.bool)
    rows = [
        cross_entropy(scores[0][[0, 1, 3]], torch.tensor(2), label_smoothing=smoothing),
        cross_entropy(scores[1][[2, 4]], torch.tensor(0), label_smoothing=smoothing),
    ]
    torch.testing.assert_close(
        flat(scores, torch.tensor([3, 2]), mask, smoothing), torch.stack(rows)
    )


def test_cross_entropy_of_questions_with_differently_many_candidates() -> None:
    scores = torch.randn(9, generator=torch.Generator().manual_seed(0)) * 50
    ends, target = [0, 2, 2, 9], torch.tensor([1, -1, 4])
    question = torch.tensor([0, 0, 2, 2, 2, 2, 2, 2, 2])
    found = segment_cross_entropy(scores, question, target, torch.ones(9, dtype=torch.bool))
    for number in (0, 2):
        part = scores[ends[number] : ends[number + 1]]
        wanted = cross_entropy(part, target[number] - ends[number])
        torch.testing.assert_close(found[number], wanted)
    assert found[1] == 0


def test_cross_entropy_leaves_out_rows_whose_target_is_no_candidate() -> None:
    scores = torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
    loss = flat(scores, torch.tensor([0, 2, -1]), mask, 0.2)
    torch.testing.assert_close(
        loss[0], cross_entropy(scores[0, :2], torch.tensor(0), label_smoothing=0.2)
    )
    loss.sum().backward()
    assert loss[1:].tolist() == [0, 0]
    assert scores.grad[1:].tolist() == [[0] * 4] * 2


def test_cross_entropy_never_reads_scores_outside_the_candidates() -> None:
    scores = torch.tensor([[0.0, 1.0, torch.nan, torch.inf]], requires_grad=True)
    mask = torch.tensor([[True, True, False, False]])
    loss = flat(scores, torch.tensor([1]), mask, 0.1).sum()
    loss.backward()
    assert loss.isfinite()
    assert scores.grad.isfinite().all()
    assert scores.grad[0, 2:].tolist() == [0, 0]


def test_a_wrong_target_costs_what_is_left_of_the_probability() -> None:
    scores = torch.randn(6, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = torch.arange(6) % 5
    wrong = torch.tensor([True, False] * 3)
    flat = segment_cross_entropy(
        scores.flatten(),
        torch.arange(6).repeat_interleave(5),
        target + 5 * torch.arange(6),
        torch.ones(30, dtype=torch.bool),
        wrong_Q=wrong,
    )
    share = scores.softmax(1).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(flat, torch.where(wrong, -(1 - share).log(), -share.log()))
    flat.sum().backward()
    assert scores.grad[0, 0] > 0
    assert scores.grad[1, 1] < 0
    sure = torch.tensor([80.0, 0.0], requires_grad=True)
    found = segment_cross_entropy(
        sure,
        torch.zeros(2, dtype=torch.long),
        torch.tensor([0]),
        torch.ones(2, dtype=torch.bool),
        wrong_Q=torch.tensor([True]),
    )
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(sure.grad).all()
