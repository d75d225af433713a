"""K3M (Zhu et al., ACM MM 2021): a product's modalities and triples into one vector `c*`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from k3m_kg.batches.placing import to_products
from k3m_kg.config import ModelSettings
from k3m_kg.contracts import (
    Candidates,
    Fusion,
    Heads,
    Interactor,
    LinkPredictor,
    LinkScorer,
    Modality,
    ModalityTokens,
    ModelOutputs,
    Plan,
    ProductBatch,
    ReadyFeatures,
    StructureAggregation,
    TextEncoder,
    longest_term,
)
from k3m_kg.lpm.evidence.module import Evidence
from k3m_kg.model.pooling import masked_mean
from k3m_kg.model.term_vectors import (
    KNOWLEDGE_SEGMENT,
    TermVectors,
    encode_both,
    encode_properties,
    encode_values,
    knowledge_spans,
)


class K3M(LinkPredictor):
    """The modal-encoding and modal-interaction layers; tasks are added by the trainer.

    Args:
        settings: sizes.
        encoders: the networks that modalities share, by name; `text` also reads properties and
            values.
        modalities: what is seen of a product besides its triples, by name.
        fusions: of each modality, merges individual and interactive tokens.
        interactor: how the modalities look at each other.
        structure: triples into `c*`.
        evidence: what else speaks for values; None where nothing is counted.

    Attributes:
        ranks: whether it has a scorer, which only a task that learns to rank brings.
    """

    scorer: LinkScorer

    def __init__(
        self,
        settings: ModelSettings,
        encoders: Mapping[str, nn.Module],
        modalities: Mapping[str, Modality],
        fusions: Mapping[str, Fusion],
        interactor: Interactor,
        structure: StructureAggregation,
        evidence: Evidence | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.encoders = nn.ModuleDict(encoders)
        self.modalities = nn.ModuleDict(modalities)
        self.fusions = nn.ModuleDict(fusions)
        self.interactor = interactor
        self.structure = structure
        self.ranks = False
        self.evidence = evidence

    def rank_with(self, scorer: LinkScorer) -> None:
        """Rank values by this scorer, which a task trains."""
        self.scorer, self.ranks = scorer, True

    @property
    def text_encoder(self) -> TextEncoder:
        """Reads properties and values, and whatever modality shares it."""
        encoder = self.encoders["text"]
        assert isinstance(encoder, TextEncoder)
        return encoder

    def views(self) -> dict[str, Modality]:
        """The modalities by name, in order."""
        return dict(self.modalities.items())  # type: ignore[arg-type]

    def settle(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """What a forward pass of training needs that depends on the batch's numbers.

        On the CPU, when the tasks have corrupted the batch: nothing of it may change afterwards.
        """
        for name, modality in self.views().items():
            if len(batch.modalities[name].product_I):
                modality.settle(batch.modalities[name])
        if self.evidence is not None:
            for questions in batch.questions.values():
                if questions.choices is not None:
                    questions.evidence = self.evidence.found(batch, questions, generator)
        batch.plan = batch.planned()
        batch.wanted_values = []

    @torch.no_grad()
    def unpack(self, batch: ProductBatch) -> None:
        """What training reads besides the tokens, on the device: `Modality.unpack`, `targets`."""
        for name, modality in self.views().items():
            tokens = batch.modalities[name]
            if not len(tokens.product_I):
                continue
            tokens.arrays = modality.unpack(tokens.arrays)
            found = modality.targets(tokens.arrays)
            if found is not None:
                tokens.targets_BNC = to_products(found, tokens.product_I, batch.size)

    def forward(
        self,
        batch: ProductBatch,
        changed: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
    ) -> ModelOutputs:
        """Encode a batch; see `ModelOutputs`.

        Args:
            batch: what there is of some products.
            changed: what training makes of the individual features before they interact.
        """
        batch.hide_stated()
        plan = batch.planned()
        present = {name: batch.modalities[name].shown_BN for name in self.modalities}
        individual = {
            name: self._encode(modality, batch.modalities[name], present[name], batch.size)
            for name, modality in self.views().items()
        }
        if changed is not None:
            individual = changed(individual)
        interactive = self.interactor(individual, present)
        fused = {
            name: fusion(individual[name], interactive[name], present[name])
            for name, fusion in self.fusions.items()
        }
        c_BH = self._pool(fused, present)

        encoder, terms = self.text_encoder, batch.catalog.tokens
        longest = plan.longest_property, plan.longest_value
        properties, values = encode_both(encoder, terms, plan.properties_U, plan.values_U, longest)
        property_EH, value_EH, knowledge_BKH = self._knowledge(batch, plan, properties, values)
        messages = self.structure.messages(c_BH, batch.triple_product_E, property_EH, value_EH)

        def aggregate(product_Q: Tensor, question_N: Tensor, triple_N: Tensor) -> Tensor:
            out: Tensor = self.structure(c_BH[product_Q], messages, question_N, triple_N)
            return out

        seen_N = plan.seen_N
        every_B = torch.arange(batch.size, device=batch.device)
        return ModelOutputs(
            individual=individual,
            tokens=fused,
            c_BH=c_BH,
            cstar_BH=aggregate(every_B, batch.triple_product_E[seen_N], seen_N),
            property_vectors=properties,
            value_vectors=values,
            aggregate=aggregate,
            knowledge_BKH=knowledge_BKH,
            evidence=None if self.evidence is None else self.evidence.of_questions,
            modalities_BF=self._apart(fused, present),
        )

    def _apart(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor | None:
        """(B, M (H + 1)) what a scorer that reads the modalities wants of them; None: it does not.

        That a modality is there is said beside its mean: a mean of zeros could mean something.
        """
        if not (self.ranks and self.scorer.reads_modalities):
            return None
        parts = []
        for name, vectors_BNH in tokens.items():
            shown_B1 = present[name].any(1, keepdim=True).to(vectors_BNH.dtype)
            parts += [masked_mean(vectors_BNH, present[name]), shown_B1]
        return torch.cat(parts, 1)

    def _encode(
        self, modality: Modality, tokens: ModalityTokens, shown_BN: Tensor, size: int
    ) -> Tensor:
        """(B, N, H) of what each token says alone, zero for products without the modality."""
        rows = tokens.product_I
        if not len(rows):
            kind = next(self.parameters()).dtype
            shape = (*shown_BN.shape, self.settings.hidden)
            return torch.zeros(shape, dtype=kind, device=shown_BN.device)
        masked_BN = tokens.masked_BN
        if len(rows) == size:
            whole: Tensor = modality(tokens.arrays, shown_BN, masked_BN)
            return whole
        masked_IN = None if masked_BN is None else masked_BN[rows]
        return to_products(modality(tokens.arrays, shown_BN[rows], masked_IN), rows, size)

    @torch.no_grad()
    def ready_made(self, batch: ProductBatch) -> dict[str, ReadyFeatures]:
        """What each modality that has any gives ready-made for what the batch shows of it."""
        found = {}
        for name, modality in self.views().items():
            tokens = batch.modalities[name]
            seen_BN, rows = tokens.shown_BN, tokens.product_I
            if tokens.masked_BN is not None:
                seen_BN = seen_BN & ~tokens.masked_BN
            if not len(rows):
                continue
            values_IF = modality.ready_made(tokens.arrays, seen_BN[rows])
            if values_IF is not None:
                has_B = seen_BN.any(1)
                found[name] = ReadyFeatures(to_products(values_IF, rows, batch.size), has_B)
        return found

    def _pool(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
        if self.settings.pool == "tokens":
            return masked_mean(
                torch.cat(list(tokens.values()), 1), torch.cat(list(present.values()), 1)
            )
        means_BMH = torch.stack([masked_mean(tokens[name], present[name]) for name in tokens], 1)
        return masked_mean(means_BMH, torch.stack([shown.any(1) for shown in present.values()], 1))

    def _knowledge(
        self, batch: ProductBatch, plan: Plan, properties: TermVectors, values: TermVectors
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """`p` and `v` (E, H) that are aggregated, and the encoded knowledge text."""
        text = batch.knowledge
        if text is None:
            return properties(batch.triple_property_E), values(batch.triple_value_E), None
        encoded_BKH = self.text_encoder(
            text.ids_BK,
            text.seen_BK(batch.triple_visible_E),
            torch.full_like(text.ids_BK, KNOWLEDGE_SEGMENT),
        )
        assert plan.token_N is not None
        p_EH, v_EH = knowledge_spans(encoded_BKH, text, plan.token_N, len(batch.triple_product_E))
        return p_EH, v_EH, encoded_BKH

    def heads(self, batch: ProductBatch) -> Tensor:
        """`c*` (B, H)."""
        return self(batch).cstar_BH  # type: ignore[no-any-return]

    def asked(self, batch: ProductBatch) -> Heads:
        """`c*`, and what counts as evidence."""
        outputs: ModelOutputs = self(batch)
        heads = Heads(outputs.cstar_BH, modalities_NF=outputs.modalities_BF)
        if self.evidence is None:
            return heads
        evidence, shown = self.evidence, {}
        ready_made: dict[str, ReadyFeatures] = {}
        if evidence.regressions is not None:
            shown = {name: batch.modalities[name].shown_B for name in self.modalities}
            ready_made = self.ready_made(batch)
        whole = batch.whole_texts
        features_ND = evidence.shown(ready_made, shown, batch.size, whole=whole)
        return replace(heads, seen_NK=evidence.seen(batch), features_ND=features_ND)

    def score(self, heads: Heads, candidates: Candidates) -> Tensor:
        """(N, C) the link scorer's, and the evidence."""
        scores_NC = self.without_regressions(heads, candidates)
        if self.evidence is None:
            return scores_NC
        return self.evidence.mixed(scores_NC, heads, candidates)

    def without_regressions(self, heads: Heads, candidates: Candidates) -> Tensor:
        """(N, C) all that training by steps has learned."""
        read = heads
        if heads.modalities_NF is not None:
            both_NW = torch.cat([heads.vectors_NH, heads.modalities_NF.to(heads.vectors_NH)], 1)
            read = replace(heads, vectors_NH=both_NW)
        scores_NC = super().score(read, candidates)
        if self.evidence is None:
            return scores_NC
        return scores_NC + self.evidence.scores(heads, candidates)

    def relations(self, batch: ProductBatch, properties_N: Tensor) -> Tensor:
        """(N, H)."""
        tokens, ids_U = batch.catalog.tokens, torch.unique(properties_N)
        longest = longest_term(tokens.property_lengths, ids_U)
        return encode_properties(self.text_encoder, tokens, ids_U, longest)(properties_N)

    def tails(self, batch: ProductBatch, values_N: Tensor) -> Tensor:
        """(N, H)."""
        tokens, ids_U = batch.catalog.tokens, torch.unique(values_N)
        longest = longest_term(tokens.value_lengths, ids_U)
        return encode_values(self.text_encoder, tokens, ids_U, longest)(values_N)
