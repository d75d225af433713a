"""Conformance tests for losses and negative samplers of embeddings."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import LinkLoss, NegativeSampler, SamplerContext


class LinkLossCase:
    """Subclass this and give `build() -> LinkLoss`."""

    @abstractmethod
    def build(self) -> LinkLoss:
        """The loss under test."""

    def scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of 6 triples and 4 negatives each, and which of them count."""
        generator = torch.Generator().manual_seed(0)
        positive, negative = (torch.randn(shape, generator=generator) for shape in ((6,), (6, 4)))
        mask = torch.rand(6, 4, generator=generator) < 0.6
        mask[:, 0] = True
        return positive, negative, mask

    def test_a_step_down_its_gradient_tells_true_from_wrong(self) -> None:
        """Positives rise against the negatives that count."""
        positive, negative, mask = self.scores()
        positive.requires_grad_()
        negative.requires_grad_()
        loss = self.build()(positive, negative, mask)
        assert loss.dim() == 0
        torch.autograd.backward(loss)
        assert positive.grad is not None
        assert negative.grad is not None
        assert positive.grad.isfinite().all()
        assert negative.grad.isfinite().all()
        assert positive.grad.sum() < 0
        assert negative.grad[mask].sum() > 0

    def test_masked_scores_are_never_read(self) -> None:
        """Not even where they are NaN; no gradient reaches them."""
        positive, negative, mask = self.scores()
        loss = self.build()
        spoilt = negative.masked_fill(~mask, torch.nan).requires_grad_()
        value = loss(positive, spoilt, mask)
        torch.testing.assert_close(value, loss(positive, negative, mask))
        torch.autograd.backward(value)
        assert spoilt.grad is not None
        assert (spoilt.grad[~mask] == 0).all()

    def test_rows_without_negatives_do_no_harm(self) -> None:
        """One such row, or nothing but such rows: a finite loss with finite gradients."""
        for rows in (slice(2, 3), slice(None)):
            positive, negative, mask = self.scores()
            mask[rows] = False
            positive.requires_grad_()
            value = self.build()(positive, negative, mask)
            assert value.isfinite()
            if value.requires_grad:
                torch.autograd.backward(value)
                assert positive.grad is not None
                assert positive.grad.isfinite().all()


class NegativeSamplerCase:
    """Subclass this and give `build(context) -> NegativeSampler`."""

    shared = 4
    """S: what a config would give as `negatives.shared`."""

    @abstractmethod
    def build(self, context: SamplerContext) -> NegativeSampler:
        """The sampler under test."""

    def made(self) -> tuple[NegativeSampler, Tensor, SamplerContext, int]:
        """The sampler of a random graph, triples (N, 3) of it, its context, and S."""
        random = np.random.default_rng(0)
        triples = np.unique(random.integers(0, [12, 3, 12], (80, 3)), axis=0)
        triples = random.permutation(triples)
        context = SamplerContext(triples, 12, 3, 6)
        sampler = self.build(context)
        size = sampler.group_size(self.shared, 32)
        assert size >= 1
        return sampler, torch.from_numpy(triples)[:32], context, size

    def test_sides_are_whole_groups_of_the_same_triples(self) -> None:
        """A permutation, and a number of groups whose heads are corrupted."""
        sampler, triples, _, size = self.made()
        ordered, heads = sampler.sides(triples, size, torch.Generator().manual_seed(0))
        assert sorted(map(tuple, ordered.tolist())) == sorted(map(tuple, triples.tolist()))
        assert 0 <= heads <= len(triples)
        assert heads % size == 0

    def test_neither_side_is_forgotten(self) -> None:
        """Over some batches heads are corrupted, and tails are, whatever a group's size."""
        sampler, triples, _, size = self.made()
        generator = torch.Generator().manual_seed(0)
        asked = [sampler.sides(triples, size, generator)[1] for _ in range(32)]
        assert 0 < sum(asked) < 32 * len(triples)

    def test_draws_are_entities_of_the_graph(self) -> None:
        """(G, K) ids, K the same for head and tail; a mask is (G, S, K)."""
        sampler, triples, context, size = self.made()
        groups = triples.view(-1, size, 3)
        counts = set()
        for column in (0, 2):
            drawn = sampler.draw(groups, column, torch.Generator().manual_seed(0))
            assert drawn.entities_GK.dtype == torch.int64
            assert drawn.entities_GK.shape[0] == len(groups)
            assert drawn.entities_GK.amin() >= 0
            assert drawn.entities_GK.amax() < context.entities
            counts.add(drawn.entities_GK.shape[1])
            if drawn.mask_GSK is not None:
                assert drawn.mask_GSK.dtype == torch.bool
                assert drawn.mask_GSK.shape == (*groups.shape[:2], drawn.entities_GK.shape[1])
        assert len(counts) == 1

    def test_the_generator_alone_decides(self) -> None:
        """Two samplers with one seed draw the same, whatever torch's own generator does."""
        found = []
        for noise in (1, 2):
            torch.manual_seed(noise)
            sampler, triples, _, size = self.made()
            generator = torch.Generator().manual_seed(7)
            ordered, heads = sampler.sides(triples, size, generator)
            drawn = sampler.draw(ordered.view(-1, size, 3), 2, generator)
            found.append((ordered, heads, drawn.entities_GK))
        assert torch.equal(found[0][0], found[1][0])
        assert found[0][1] == found[1][1]
        assert torch.equal(found[0][2], found[1][2])
