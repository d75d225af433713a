"""Link prediction modelling, the task that everything shares: `score(c*, property, value)`.

The asked triple never takes part in the aggregation that made its own `c*`, and its value's tokens
are not shown to the knowledge encoder. Values that people rejected are asked too: they are hard
negatives, and such a question is answered the better the less probable its value is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from k3m_kg.api import (
    Choices,
    ChoiceTable,
    ConfigError,
    LinkScorer,
    ModelOutputs,
    PretrainingTask,
    ProductBatch,
    PropertyNegatives,
    Questions,
    TaskContext,
    TaskLoss,
    margin_ranking,
    segment_cross_entropy,
    unknown_name,
)
from k3m_kg_tasks.heads import GatedScorer, ProbeScorer, ScaledScorer
from k3m_kg_tasks.settings import LpmSettings


@dataclass(slots=True)
class _Corrupted:
    """Of each question corrupted values, and which of them are real, for the margin loss."""

    values_QK: Tensor
    real_QK: Tensor


@dataclass(slots=True)
class _Asked:
    """Questions: their `c*`, that with all that the scorer reads of a product, and relations."""

    head_QH: Tensor
    read_QW: Tensor
    relation_QH: Tensor


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
        scorer = context.link_scorer(settings.scorer)
        if settings.probe:
            scorer = ProbeScorer(scorer, context.hidden)
        if settings.loss == "cross-entropy":
            scorer = ScaledScorer(scorer, settings.scale)
        if settings.gate == "relation":
            modalities = len(context.num_targets)
            scorer = GatedScorer(scorer, context.hidden, modalities, settings.experts)
        self.scorer: LinkScorer = scorer
        catalog = context.catalog
        shown = np.ones(len(catalog.properties), np.float32)
        for name, rate in settings.shown.items():
            if name not in catalog.properties:
                raise ConfigError(
                    unknown_name("property", name, catalog.properties), where="tasks.lpm.shown"
                )
            shown[catalog.properties.index(name)] = rate
        asked = [
            len(counts) > 1
            and (settings.ask == "all" or 2 * counts[counts > 1].sum() >= counts.sum())
            for counts in catalog.counts
        ]
        # for `corrupt`, which is on the CPU wherever the weights are
        self._shown_P = torch.from_numpy(shown)
        self._asked_P = torch.from_numpy(np.array(asked, bool))
        self.negatives = PropertyNegatives(catalog)
        self.choices = ChoiceTable(catalog)
        values_V = torch.from_numpy(self.choices.values_V)
        self.register_buffer("values_V", values_V, persistent=False)
        self.values_V: Tensor

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
        if batch.triple_rejected_E is not None:
            asked_E &= ~batch.triple_rejected_E
        if self.settings.at_most:
            asked_E = self._some(batch, asked_E & self._answerable(batch), generator)
        if batch.triple_rejected_E is not None and self.settings.loss == "cross-entropy":
            asked_E |= batch.triple_rejected_E
        self._cut_titles(batch, asked_E, generator)
        asked_Q = (asked_E & self._answerable(batch)).nonzero()[:, 0]
        questions = Questions(asked_Q)
        if batch.triple_rejected_E is not None:
            questions.wrong_Q = batch.triple_rejected_E[asked_Q]
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
            batch.notes["lpm"] = _Corrupted(values, mask)
            batch.wanted_values.append(values[mask])
        else:
            questions.choices = self._choices(batch, asked_Q, generator, questions.wrong_Q)
        batch.questions["lpm"] = questions

    def _choices(
        self,
        batch: ProductBatch,
        asked_Q: Tensor,
        generator: torch.Generator,
        wrong_Q: Tensor | None = None,
    ) -> Choices:
        """Among which values each question is asked; further true ones are no wrong answers.

        Beside a rejected value true ones compete: they are what shall be more probable.
        """
        name_Q, value_Q = batch.triple_property_E[asked_Q], batch.triple_value_E[asked_Q]
        other_QX = _other_answers(batch, asked_Q).numpy()
        if wrong_Q is not None:
            other_QX[wrong_Q.numpy()] = -1
        question_X, place_X = (other_QX >= 0).nonzero()
        others = question_X, other_QX[question_X, place_X]
        choices = self.choices.of(
            name_Q.numpy(),
            value_Q.numpy(),
            others,
            most=self.settings.candidates,
            generator=generator,
        )
        batch.wanted_values.append(torch.from_numpy(self.choices.asked(name_Q.numpy(), choices)))
        return choices

    def _answerable(self, batch: ProductBatch) -> Tensor:
        """Triples whose property takes at least two values, so that there is a question."""
        return self._asked_P[batch.triple_property_E]

    def _some(self, batch: ProductBatch, asked_E: Tensor, generator: torch.Generator) -> Tensor:
        """At most so many of each product's questions as the settings say."""
        draw_E = torch.rand(len(asked_E), generator=generator)
        draw_E = torch.where(asked_E, draw_E, 2.0)
        order_E = draw_E.argsort()
        order_E = order_E[batch.triple_product_E[order_E].argsort(stable=True)]
        counts_B = torch.bincount(batch.triple_product_E, minlength=batch.size)
        first_B = counts_B.cumsum(0) - counts_B
        rank_E = torch.empty_like(order_E)
        place_E = torch.arange(len(order_E))
        rank_E[order_E] = place_E - first_B[batch.triple_product_E[order_E]]
        return asked_E & (rank_E < self.settings.at_most)

    def _hide(self, batch: ProductBatch, generator: torch.Generator) -> Tensor:
        """Half of the products: one triple (a full context); the others: a random share."""
        product_E, count = batch.triple_product_E, len(batch.triple_product_E)
        draw_E = torch.rand(count, generator=generator)
        if batch.triple_rejected_E is not None:
            draw_E = draw_E.masked_fill(batch.triple_rejected_E, 2.0)
        share_B = torch.rand(batch.size, generator=generator)
        one_B = torch.rand(batch.size, generator=generator) < self.settings.full_context
        lowest_B = torch.full((batch.size,), 2.0)
        lowest_B = lowest_B.scatter_reduce(0, product_E, draw_E, "amin")
        asked_E = draw_E == lowest_B[product_E]
        asked_E = asked_E | (~one_B[product_E] & (draw_E < share_B[product_E]))
        rare_E = torch.rand(count, generator=generator)
        unseen_E = rare_E >= self._shown_P[batch.triple_property_E]
        batch.triple_visible_E = batch.triple_visible_E & ~asked_E & ~unseen_E
        return asked_E | unseen_E

    def _cut_titles(self, batch: ProductBatch, asked_E: Tensor, generator: torch.Generator) -> None:
        cut_E = torch.rand(len(asked_E), generator=generator) < self.settings.cut_title
        whole_B = torch.rand(batch.size, generator=generator) < self.settings.keep_title
        batch.cut_values(asked_E & cut_E & ~whole_B[batch.triple_product_E])

    def _contexts(
        self, batch: ProductBatch, asked_Q: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """(question, triple) pairs: the other triples of the product, or a random part of them."""
        product_E = batch.triple_product_E
        counts_B = torch.bincount(product_E, minlength=batch.size)
        first_B = counts_B.cumsum(0) - counts_B
        length_Q = counts_B[product_E[asked_Q]]
        question_N = torch.repeat_interleave(torch.arange(len(asked_Q)), length_Q)
        within_N = torch.arange(len(question_N))
        within_N = within_N - torch.repeat_interleave(length_Q.cumsum(0) - length_Q, length_Q)
        triple_N = first_B[product_E[asked_Q]][question_N] + within_N
        questions = len(asked_Q)
        share_Q = torch.rand(questions, generator=generator)
        full_Q = torch.rand(questions, generator=generator) < self.settings.full_context
        share_Q = torch.where(full_Q, 1.0, share_Q)
        draw_N = torch.rand((2, len(question_N)), generator=generator)
        seen_N = (
            (triple_N != asked_Q[question_N])
            & batch.triple_visible_E[triple_N]
            & (draw_N[0] < share_Q[question_N])
            & (draw_N[1] < self._shown_P[batch.triple_property_E[triple_N]])
        )
        return question_N[seen_N], triple_N[seen_N]

    def count(self, batch: ProductBatch) -> int:
        """The questions whose answer training knows; of the margin loss the pairs it compares."""
        choices = batch.questions["lpm"].choices
        if choices is not None:
            return choices.known
        corrupted: _Corrupted = batch.notes["lpm"]
        return int(corrupted.real_QK.sum())

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Mean over the questions; `hits@1` among the candidates that were scored."""
        questions = batch.questions["lpm"]
        asked_Q = questions.asked_Q
        if not len(asked_Q):
            return TaskLoss(None)
        product_Q = batch.triple_product_E[asked_Q]
        if questions.question_N is None or questions.triple_N is None:
            head_QH = outputs.cstar_BH[product_Q]
        else:
            head_QH = outputs.aggregate(product_Q, questions.question_N, questions.triple_N)
        relation_QH = self._given(outputs.property_vectors(batch.triple_property_E[asked_Q]))
        head_QH = self._given(head_QH)
        if questions.choices is None:
            true_Q = batch.triple_value_E[asked_Q]
            read_QW = self._read(outputs, head_QH, product_Q)
            return self._margin(outputs, batch.notes["lpm"], true_Q, read_QW, relation_QH)
        asked = _Asked(head_QH, self._read(outputs, head_QH, product_Q), relation_QH)
        return self._cross_entropy(outputs, questions, questions.choices, asked)

    def _given(self, vectors: Tensor) -> Tensor:
        """The vectors that are scored; of a probe, nothing that made them learns from it."""
        return vectors.detach() if self.settings.probe else vectors

    def _read(self, outputs: ModelOutputs, head_QH: Tensor, product_Q: Tensor) -> Tensor:
        """(Q, W) heads as the scorer reads them."""
        if not self.scorer.reads_modalities:
            return head_QH
        if outputs.modalities_BF is None:
            raise ConfigError(
                "the gate reads modalities only where the model ranks by the scorer of this task",
                where="tasks.lpm.gate",
                hint="name lpm before other tasks that rank",
            )
        return torch.cat([head_QH, self._given(outputs.modalities_BF)[product_Q]], 1)

    def _margin(
        self,
        outputs: ModelOutputs,
        corrupted: _Corrupted,
        true_Q: Tensor,
        head_QW: Tensor,
        relation_QH: Tensor,
    ) -> TaskLoss:
        if outputs.evidence is not None:
            raise ConfigError(
                "evidence speaks for all values of a property, the margin loss asks a few",
                where="model.evidence",
                hint="set loss: cross-entropy of the task lpm, or leave evidence out",
            )
        real_QK = corrupted.real_QK
        value_QH = self._given(outputs.value_vectors(true_Q))
        positive_Q = self.scorer.score(head_QW, relation_QH, value_QH)
        # where there is no negative the true value stands in; the mask leaves it out of the loss
        filled_QK = torch.where(real_QK, corrupted.values_QK, true_Q[:, None])
        wrong_QKH = self._given(outputs.value_vectors(filled_QK))
        negative_QK = self.scorer.score_tails(head_QW, relation_QH, wrong_QKH)
        best_Q = negative_QK.masked_fill(~real_QK, float("-inf")).amax(1)
        right = (positive_Q > best_Q).float().mean()
        loss = margin_ranking(positive_Q, negative_QK, real_QK, self.settings.margin)
        return TaskLoss(loss, {"hits@1": right})

    def _cross_entropy(
        self,
        outputs: ModelOutputs,
        questions: Questions,
        choices: Choices,
        asked: _Asked,
    ) -> TaskLoss:
        if not choices.known:
            return TaskLoss(None)
        question_P, candidate_P = choices.of_pairs()
        scores_GSC = self.scorer.score_tail_groups(
            choices.tiled(asked.read_QW),
            choices.tiled(asked.relation_QH),
            self._given(outputs.value_vectors(self.values_V[choices.columns_GC()])),
        )
        scores_P = alone_P = choices.flat(scores_GSC, question_P, candidate_P)
        if outputs.evidence is not None:
            scores_P = scores_P + outputs.evidence(
                questions, asked.head_QH, question_P, candidate_P
            )
        open_P = torch.ones_like(scores_P, dtype=torch.bool).index_fill(0, choices.closed_X, False)

        def loss_of(of_P: Tensor) -> Tensor:
            return segment_cross_entropy(
                choices.weighed(of_P, question_P, candidate_P),
                question_P,
                choices.target_Q,
                open_P,
                self.settings.label_smoothing,
                questions.wrong_Q,
            )

        loss_Q = loss_of(scores_P)
        if outputs.evidence is not None and self.settings.alone:
            loss_Q = loss_Q + self.settings.alone * loss_of(alone_P)
        target_Q = choices.target_Q
        if questions.wrong_Q is not None:
            target_Q = target_Q.masked_fill(questions.wrong_Q, -1)
        right_Q = _on_top(scores_P.detach(), question_P, target_Q)
        return TaskLoss(
            loss_Q.sum() / choices.known,
            {"hits@1": right_Q.float().sum() / (target_Q >= 0).sum().clamp_min(1)},
        )


def _on_top(scores_P: Tensor, question_P: Tensor, target_Q: Tensor) -> Tensor:
    """(Q,) bool: the answer scores above all other candidates."""
    target_P = scores_P[target_Q.clamp_min(0)][question_P]
    rivals_Q = torch.zeros_like(target_Q).index_add_(
        0, question_P, (scores_P >= target_P).to(target_Q.dtype)
    )
    return (rivals_Q == 1) & (target_Q >= 0)
