"""Link prediction modelling, the task that everything shares: `score(c*, property, value)`.

The asked triple never takes part in the aggregation that made its own `c*`, and its value's tokens
are not shown to the knowledge encoder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from k3m_kg.api import (
    ConfigError,
    LinkScorer,
    ModelOutputs,
    PretrainingTask,
    ProductBatch,
    PropertyNegatives,
    TaskContext,
    TaskLoss,
    candidate_cross_entropy,
    margin_ranking,
    unknown_name,
)
from k3m_kg_tasks.settings import LpmSettings


class ScaledScorer(LinkScorer):
    """A scorer times a learned positive factor: the inverse temperature of the softmax."""

    def __init__(self, scorer: LinkScorer, scale: float) -> None:
        super().__init__()
        self.scorer = scorer
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,)."""
        return self.scorer.score(head_NH, relation_NH, tail_NH) * self.log_scale.exp()

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C)."""
        return self.scorer.score_tails(head_NH, relation_NH, tail_NCH) * self.log_scale.exp()


@dataclass(slots=True)
class _Questions:
    """What `corrupt` decided.

    Attributes:
        asked_Q: the triple that each question asks, ascending.
        question_N: for `leave-one-out`: the question of each (question, context triple) pair.
        triple_N: the context triple of each pair; both None for `hidden`.
        negatives_QK: corrupted values, and which of them are real, for the margin loss.
    """

    asked_Q: Tensor
    question_N: Tensor | None = None
    triple_N: Tensor | None = None
    negatives_QK: Tensor | None = None
    negative_mask_QK: Tensor | None = None


def _other_answers(batch: ProductBatch, asked_Q: Tensor) -> Tensor:
    """(Q, X) further values that are true of each question's product and property, padded -1."""
    triple_QX = batch.answers(asked_Q)
    value_QX = batch.triple_value_E[triple_QX]
    other_QX = (triple_QX >= 0) & (value_QX != batch.triple_value_E[asked_Q][:, None])
    return torch.where(other_QX, value_QX, -1)


class LinkPredictionModelling(PretrainingTask):
    """LPM with any link scorer, margin ranking or cross-entropy over the property's values."""

    def __init__(self, settings: LpmSettings, context: TaskContext) -> None:
        super().__init__()
        self.settings = settings
        if context.of_triples and settings.questions == "leave-one-out":
            raise ConfigError(
                "leave-one-out questions could be read off modalities that are made of triples: "
                + ", ".join(sorted(context.of_triples)),
                where="tasks.lpm.questions",
                hint="set questions: hidden, or leave the modality out",
            )
        inner = context.link_scorer(settings.scorer)
        self.scorer: LinkScorer = (
            ScaledScorer(inner, settings.scale) if settings.loss == "cross-entropy" else inner
        )
        catalog = context.catalog
        shown = torch.ones(len(catalog.properties))
        for name, rate in settings.shown.items():
            if name not in catalog.properties:
                raise ConfigError(
                    unknown_name("property", name, catalog.properties), where="tasks.lpm.shown"
                )
            shown[catalog.properties.index(name)] = rate
        self.register_buffer("shown_rate", shown, persistent=False)
        self.shown_rate: Tensor
        asked = [
            len(counts) > 1
            and (settings.ask == "all" or 2 * counts[counts > 1].sum() >= counts.sum())
            for counts in catalog.counts
        ]
        self.register_buffer("asked_P", torch.tensor(asked, dtype=torch.bool), persistent=False)
        self.asked_P: Tensor
        self.negatives = PropertyNegatives(catalog)
        known = [
            torch.from_numpy(ids) + name * len(catalog.values)
            for name, ids in enumerate(catalog.candidates)
        ]
        known_C = torch.cat([torch.zeros(0, dtype=torch.long), *known])
        self.register_buffer("known_C", known_C, persistent=False)
        self.known_C: Tensor
        self.candidates = [torch.from_numpy(ids) for ids in catalog.candidates]

    def link_scorer(self) -> LinkScorer:
        """What it trains."""
        return self.scorer

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Choose the questions and what each may see."""
        asked_E = (
            self._hide(batch, generator)
            if self.settings.questions == "hidden"
            else torch.ones_like(batch.triple_visible_E)
        )
        if self.settings.at_most:
            asked_E = self._some(batch, asked_E & self._answerable(batch), generator)
        self._cut_titles(batch, asked_E, generator)
        asked_Q = (asked_E & self._answerable(batch)).nonzero()[:, 0]
        questions = _Questions(asked_Q)
        if self.settings.questions == "leave-one-out":
            if batch.knowledge is not None:
                raise ConfigError(
                    "leave-one-out questions could be read off a product's knowledge text",
                    where="tasks.lpm.questions",
                    hint="set model.knowledge: term, or questions: hidden",
                )
            questions.question_N, questions.triple_N = self._contexts(batch, asked_Q, generator)
        if self.settings.loss == "margin":
            values, mask = self.negatives.sample(
                batch.triple_property_E[asked_Q],
                batch.triple_value_E[asked_Q],
                self.settings.negatives,
                generator,
                _other_answers(batch, asked_Q),
            )
            questions.negatives_QK, questions.negative_mask_QK = values, mask
            batch.wanted_values.append(values[mask])
        else:
            for name in torch.unique(batch.triple_property_E[asked_Q]).tolist():
                batch.wanted_values.append(self.candidates[name].to(batch.device))
        batch.notes["lpm"] = questions

    def _answerable(self, batch: ProductBatch) -> Tensor:
        """Triples whose property takes at least two values, so that there is a question."""
        return self.asked_P[batch.triple_property_E]

    def _some(self, batch: ProductBatch, asked_E: Tensor, generator: torch.Generator) -> Tensor:
        """At most so many of each product's questions as the settings say."""
        draw_E = torch.rand(len(asked_E), generator=generator).to(batch.device)
        draw_E = torch.where(asked_E, draw_E, 2.0)
        order_E = draw_E.argsort()
        order_E = order_E[batch.triple_product_E[order_E].argsort(stable=True)]
        counts_B = torch.bincount(batch.triple_product_E, minlength=batch.size)
        first_B = counts_B.cumsum(0) - counts_B
        rank_E = torch.empty_like(order_E)
        place_E = torch.arange(len(order_E), device=batch.device)
        rank_E[order_E] = place_E - first_B[batch.triple_product_E[order_E]]
        return asked_E & (rank_E < self.settings.at_most)

    def _hide(self, batch: ProductBatch, generator: torch.Generator) -> Tensor:
        """Half of the products: one triple (a full context); the others: a random share."""
        product_E, count = batch.triple_product_E, len(batch.triple_product_E)
        device = batch.device
        draw_E = torch.rand(count, generator=generator).to(device)
        share_B = torch.rand(batch.size, generator=generator).to(device)
        one_B = torch.rand(batch.size, generator=generator).to(device) < self.settings.full_context
        lowest_B = torch.full((batch.size,), 2.0, device=device)
        lowest_B = lowest_B.scatter_reduce(0, product_E, draw_E, "amin")
        asked_E = draw_E == lowest_B[product_E]
        asked_E = asked_E | (~one_B[product_E] & (draw_E < share_B[product_E]))
        rare_E = torch.rand(count, generator=generator).to(device)
        unseen_E = rare_E >= self.shown_rate[batch.triple_property_E]
        batch.triple_visible_E = batch.triple_visible_E & ~asked_E & ~unseen_E
        return asked_E | unseen_E

    def _cut_titles(self, batch: ProductBatch, asked_E: Tensor, generator: torch.Generator) -> None:
        device = batch.device
        cut_E = torch.rand(len(asked_E), generator=generator).to(device) < self.settings.cut_title
        whole_B = torch.rand(batch.size, generator=generator).to(device) < self.settings.keep_title
        batch.cut_values(asked_E & cut_E & ~whole_B[batch.triple_product_E])

    def _contexts(
        self, batch: ProductBatch, asked_Q: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """(question, triple) pairs: the other triples of the product, or a random part of them."""
        product_E, device = batch.triple_product_E, batch.device
        counts_B = torch.bincount(product_E, minlength=batch.size)
        first_B = counts_B.cumsum(0) - counts_B
        length_Q = counts_B[product_E[asked_Q]]
        question_N = torch.repeat_interleave(torch.arange(len(asked_Q), device=device), length_Q)
        within_N = torch.arange(len(question_N), device=device)
        within_N = within_N - torch.repeat_interleave(length_Q.cumsum(0) - length_Q, length_Q)
        triple_N = first_B[product_E[asked_Q]][question_N] + within_N
        questions = len(asked_Q)
        share_Q = torch.rand(questions, generator=generator)
        full_Q = torch.rand(questions, generator=generator) < self.settings.full_context
        share_Q = torch.where(full_Q, 1.0, share_Q).to(device)
        draw_N = torch.rand((2, len(question_N)), generator=generator).to(device)
        seen_N = (
            (triple_N != asked_Q[question_N])
            & batch.triple_visible_E[triple_N]
            & (draw_N[0] < share_Q[question_N])
            & (draw_N[1] < self.shown_rate[batch.triple_property_E[triple_N]])
        )
        return question_N[seen_N], triple_N[seen_N]

    def count(self, batch: ProductBatch) -> int | Tensor:
        """The questions whose answer training knows; of the margin loss the pairs it compares."""
        questions: _Questions = batch.notes["lpm"]
        if questions.negative_mask_QK is not None:
            return questions.negative_mask_QK.sum()
        asked_Q = questions.asked_Q
        name_Q, value_Q = batch.triple_property_E[asked_Q], batch.triple_value_E[asked_Q]
        key_Q = name_Q * len(batch.catalog.values) + value_Q
        return torch.isin(key_Q, self.known_C, assume_unique=False).sum()

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Mean over the questions; `hits@1` among the candidates that were scored."""
        questions: _Questions = batch.notes["lpm"]
        asked_Q = questions.asked_Q
        if not len(asked_Q):
            return TaskLoss(None)
        product_Q = batch.triple_product_E[asked_Q]
        if questions.question_N is None or questions.triple_N is None:
            head_QH = outputs.cstar_BH[product_Q]
        else:
            head_QH = outputs.aggregate(product_Q, questions.question_N, questions.triple_N)
        if self.settings.loss == "margin":
            return self._margin(outputs, batch, questions, head_QH)
        return self._cross_entropy(outputs, batch, questions, head_QH)

    def _margin(
        self, outputs: ModelOutputs, batch: ProductBatch, questions: _Questions, head_QH: Tensor
    ) -> TaskLoss:
        if outputs.evidence is not None:
            raise ConfigError(
                "evidence speaks for all values of a property, the margin loss asks a few",
                where="model.evidence",
                hint="set loss: cross-entropy of the task lpm, or leave evidence out",
            )
        values_QK, mask_QK = questions.negatives_QK, questions.negative_mask_QK
        assert values_QK is not None
        assert mask_QK is not None
        true_Q = batch.triple_value_E[questions.asked_Q]
        relation_QH = outputs.property_vectors(batch.triple_property_E[questions.asked_Q])
        positive_Q = self.scorer.score(head_QH, relation_QH, outputs.value_vectors(true_Q))
        # where there is no negative the true value stands in; the mask leaves it out of the loss
        filled_QK = torch.where(mask_QK, values_QK, true_Q[:, None])
        negative_QK = self.scorer.score_tails(
            head_QH, relation_QH, outputs.value_vectors(filled_QK)
        )
        best_Q = negative_QK.masked_fill(~mask_QK, float("-inf")).amax(1)
        right = (positive_Q > best_Q).float().mean()
        loss = margin_ranking(positive_Q, negative_QK, mask_QK, self.settings.margin)
        return TaskLoss(loss, {"hits@1": right})

    def _cross_entropy(
        self, outputs: ModelOutputs, batch: ProductBatch, questions: _Questions, head_QH: Tensor
    ) -> TaskLoss:
        asked_Q = questions.asked_Q
        evidence = None
        if outputs.evidence is not None:
            pairs = (questions.question_N, questions.triple_N)
            evidence = outputs.evidence(head_QH, asked_Q, *pairs)
        property_Q, value_Q = batch.triple_property_E[asked_Q], batch.triple_value_E[asked_Q]
        total, right = head_QH.new_zeros(()), head_QH.new_zeros(())
        scored = 0
        for name in torch.unique(property_Q).tolist():
            candidates_C = self.candidates[name].to(batch.device)
            chosen_N = (property_Q == name).nonzero()[:, 0]
            target_N = torch.searchsorted(candidates_C, value_Q[chosen_N])
            target_N = target_N.clamp_max(len(candidates_C) - 1)
            # a value that the property never takes in training has no place among the candidates
            known_N = candidates_C[target_N] == value_Q[chosen_N]
            chosen_N, target_N = chosen_N[known_N], target_N[known_N]
            if not len(chosen_N):
                continue
            name_1 = torch.tensor([name], device=batch.device)
            relation_NH = outputs.property_vectors(name_1).expand(len(chosen_N), -1)
            scores_NC = self.scorer.score_tails(
                head_QH[chosen_N], relation_NH, outputs.value_vectors(candidates_C)
            )
            if evidence is not None:
                scores_NC = scores_NC + evidence(name, chosen_N)
            # further true values of the same product and property are no wrong answers
            also_NX = _other_answers(batch, asked_Q[chosen_N])
            mask_NC = ~(candidates_C == also_NX[..., None]).any(1)
            loss = candidate_cross_entropy(
                scores_NC, target_N, mask_NC, self.settings.label_smoothing
            )
            total = total + loss * len(chosen_N)
            right = right + (scores_NC.argmax(1) == target_N).float().sum()
            scored += len(chosen_N)
        if not scored:
            return TaskLoss(None)
        return TaskLoss(total / scored, {"hits@1": right / scored})
