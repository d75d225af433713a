"""The tensors of one batch of products, and what the model makes of them.

Presence is explicit: whatever is missing has a False in a `present` mask, and the content of the
tensor at that place never influences a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts.modality import ModalityTokens
from k3m_kg.contracts.packing import packed_to
from k3m_kg.contracts.questions import Questions


@dataclass(slots=True)
class TermTokens:
    """Token ids of every property and value of a catalog, each term by itself.

    Attributes:
        property_ids: (number of properties, L) token ids, padded.
        property_present: the same shape, True at real tokens.
        value_ids: (number of values, L) token ids, padded.
        value_present: the same shape, True at real tokens.
        property_vectors: (number of properties, W), what a frozen text encoder gave for each, once;
            None where terms are encoded in each step.
        value_vectors: (number of values, W), the same.
        property_lengths: (number of properties,) how many tokens each has; on the CPU.
        value_lengths: (number of values,) the same.
    """

    property_ids: Tensor
    property_present: Tensor
    value_ids: Tensor
    value_present: Tensor
    property_vectors: Tensor | None = None
    value_vectors: Tensor | None = None
    property_lengths: np.ndarray = field(init=False)
    value_lengths: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.property_lengths = self.property_present.sum(1).cpu().numpy()
        self.value_lengths = self.value_present.sum(1).cpu().numpy()

    def to(self, device: torch.device) -> TermTokens:
        """The same tokens on `device`."""
        moved: dict[str, Any] = {}
        for item in fields(self):
            held = getattr(self, item.name)
            if item.init:
                moved[item.name] = held if held is None else held.to(device)
        return TermTokens(**moved)


@dataclass(slots=True)
class Catalog:
    """What the model knows of a catalog's language: its terms and what each property may take.

    Attributes:
        properties: property names; a property's id is its index.
        values: value texts; a value's id is its index.
        tokens: the terms' token ids.
        candidates: per property id, the sorted ids of the values it takes in training (int64).
        counts: per property id, how often each of `candidates` occurs in training (int64).
    """

    properties: list[str]
    values: list[str]
    tokens: TermTokens
    candidates: list[np.ndarray]
    counts: list[np.ndarray]

    @classmethod
    def wordless(
        cls,
        properties: list[str],
        values: list[str],
        candidates: list[np.ndarray],
        counts: list[np.ndarray],
    ) -> Catalog:
        """A catalog for a model that reads no words: no term has a token."""
        nothing = [torch.zeros(len(terms), 1, dtype=torch.bool) for terms in (properties, values)]
        tokens = TermTokens(nothing[0].int(), nothing[0], nothing[1].int(), nothing[1])
        return cls(properties, values, tokens, candidates, counts)


@dataclass(slots=True)
class KnowledgeText:
    """The words of a product's triples as one text: property, value, property, value, ...

    Attributes:
        ids_BK: token ids.
        present_BK: bool.
        triple_BK: the batch's triple (0..E-1) that a token belongs to; any number where absent.
        is_value_BK: bool, whether the token is of the triple's value.
    """

    ids_BK: Tensor
    present_BK: Tensor
    triple_BK: Tensor
    is_value_BK: Tensor

    def seen_BK(self, visible_E: Tensor) -> Tensor:
        """(B, K) bool: the tokens that are there when invisible triples are as if absent.

        Neither the value nor the property of such a triple leaves a token: that a product has a
        property is part of what is asked.
        """
        if not len(visible_E):
            return self.present_BK
        return self.present_BK & visible_E[self.triple_BK]


@dataclass(slots=True)
class Plan:
    """What a forward pass has to know of a batch's numbers, so that it need not ask the device.

    Attributes:
        seen_N: the visible triples, ascending.
        properties_U: the distinct properties, ascending.
        values_U: the distinct values whose vectors are wanted, ascending.
        longest_property: most tokens of one of these properties.
        longest_value: most tokens of one of these values.
        token_N: of the knowledge text, laid flat, the tokens that are seen; None without one.
    """

    seen_N: Tensor
    properties_U: Tensor
    values_U: Tensor
    longest_property: int
    longest_value: int
    token_N: Tensor | None = None


@dataclass(slots=True)
class ProductBatch:
    """One batch. Tasks change it in `corrupt`, the model reads it in its forward pass.

    Attributes:
        rows_B: the products' rows in the snapshot.
        modalities: what is shown of the products, by the modality's name: `title`, `image`, ...
        triple_product_E: in 0..B-1, ascending.
        triple_property_E: property id.
        triple_value_E: value id.
        triple_visible_E: bool; an invisible triple takes no part in any aggregation, and its
            value's tokens are not shown to the knowledge encoder.
        triple_untrue_E: bool, triples that a corruption put there: they are hidden from whatever
            asks about their property. None where there are none.
        triple_rejected_E: bool, triples of which people said that they are wrong: never visible, no
            answer to anything. None where there are none.
        catalog: the terms that property and value ids refer to.
        knowledge: the triples' words as one text per product, or None where terms are encoded
            one by one.
        wanted_values: value ids whose vectors a task needs after the forward pass.
        questions: what tasks ask, each under its own name.
        notes: what a task wants to find again in `loss`, under its own name; tensors in lists,
            tuples, dicts and dataclasses go to the device with the batch.
        counts_T: of a batch that was corrupted, over how many items each task's loss is a mean.
        tokens_left: `token_counts`, counted then.
        plan: made when nothing of the batch changes any more; None: the model makes one.
    """

    rows_B: Tensor
    modalities: dict[str, ModalityTokens]
    triple_product_E: Tensor
    triple_property_E: Tensor
    triple_value_E: Tensor
    triple_visible_E: Tensor
    catalog: Catalog
    knowledge: KnowledgeText | None = None
    triple_untrue_E: Tensor | None = None
    triple_rejected_E: Tensor | None = None
    wanted_values: list[Tensor] = field(default_factory=list)
    questions: dict[str, Questions] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    counts_T: Tensor | None = None
    tokens_left: tuple[int, int] | None = None
    plan: Plan | None = None

    @property
    def size(self) -> int:
        """B."""
        return self.rows_B.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.rows_B.device

    def to(self, device: torch.device) -> ProductBatch:
        """The same batch on `device`, in one copy; the catalog is moved by its owner, once."""
        held = {item.name: getattr(self, item.name) for item in fields(self)}
        del held["catalog"]
        return replace(self, **packed_to(held, device))

    def planned(self) -> Plan:
        """The plan, or one that is made now; best made on the CPU."""
        if self.plan is not None:
            return self.plan
        tokens = self.catalog.tokens
        properties_U = torch.unique(self.triple_property_E)
        wanted = [self.triple_value_E, *(ids.flatten() for ids in self.wanted_values)]
        values_U = torch.unique(torch.cat(wanted))
        text, token_N = self.knowledge, None
        if text is not None:
            token_N = text.seen_BK(self.triple_visible_E).flatten().nonzero()[:, 0]
        return Plan(
            seen_N=self.triple_visible_E.nonzero()[:, 0],
            properties_U=properties_U,
            values_U=values_U,
            longest_property=longest_term(tokens.property_lengths, properties_U),
            longest_value=longest_term(tokens.value_lengths, values_U),
            token_N=token_N,
        )

    def answers(self, asked_Q: Tensor) -> Tensor:
        """(Q, X) triples of the product and property of each asked one, itself too, padded -1.

        Those that people rejected are left out.
        """
        slot_E = self.triple_product_E * len(self.catalog.properties) + self.triple_property_E
        order_E = slot_E.argsort(stable=True)
        sorted_E, slot_Q = slot_E[order_E], slot_E[asked_Q]
        first_Q = torch.searchsorted(sorted_E, slot_Q)
        count_Q = torch.searchsorted(sorted_E, slot_Q, right=True) - first_Q
        most = int(count_Q.max()) if len(count_Q) else 0
        place_X = torch.arange(most, device=asked_Q.device)
        triple_QX = order_E[(first_Q[:, None] + place_X).clamp_max(max(0, len(order_E) - 1))]
        there_QX = place_X < count_Q[:, None]
        if self.triple_rejected_E is not None:
            there_QX &= ~self.triple_rejected_E[triple_QX]
        return torch.where(there_QX, triple_QX, -1)

    def cut_values(self, triples_E: Tensor) -> None:
        """Cut the tokens that spell the values of the chosen triples (bool, E) out of all texts."""
        for tokens in self.modalities.values():
            tokens.cut(triples_E, self.triple_product_E)

    @property
    def whole_texts(self) -> bool:
        """Whether no text is one that values could have been cut out of."""
        return all(tokens.was_cut_E is None for tokens in self.modalities.values())

    def token_counts(self) -> tuple[int, int]:
        """Tokens of all modalities and of the knowledge text; and places for them, padding too.

        Of a batch that was corrupted those that were left; a device is not asked for them.
        """
        if self.tokens_left is not None:
            return self.tokens_left
        masks = [tokens.shown_BN for tokens in self.modalities.values()]
        if self.knowledge is not None:
            masks.append(self.knowledge.present_BK)
        return sum(int(mask.sum()) for mask in masks), sum(mask.numel() for mask in masks)

    def hide_stated(self) -> None:
        """Make the tokens absent that are there because of invisible triples."""
        for tokens in self.modalities.values():
            tokens.hide_stated(~self.triple_visible_E, self.triple_product_E)


def longest_term(lengths: np.ndarray, ids_U: Tensor) -> int:
    """Most tokens of some terms, by how many each term of the catalog has; 0 where none is read."""
    return int(lengths[ids_U.cpu().numpy()].max(initial=0)) if len(lengths) else 0


class EvidenceOf(Protocol):
    """The part of training questions' scores that is no nearness of vectors."""

    def __call__(
        self, questions: Questions, head_QH: Tensor, question_P: Tensor, candidate_P: Tensor
    ) -> Tensor:
        """(P,) for the pairs of `questions.choices`, which are given as `of_pairs` says.

        What a question sees is what its product shows and the triples paired with it, as in
        `ModelOutputs.aggregate`; without pairs, the visible triples of its product. The answers
        of the product itself are taken out of what was counted.
        """
        ...


@dataclass(slots=True)
class ModelOutputs:
    """What one forward pass gives the tasks.

    Attributes:
        individual: by modality, (B, N, H): what each token says alone.
        tokens: by modality, (B, N, H): the fused tokens.
        c_BH: product vector before the triples are aggregated.
        cstar_BH: `c*`, the product vector that every downstream task uses.
        property_vectors: property ids (any shape) -> vectors (..., H).
        value_vectors: value ids (any shape) -> vectors (..., H); only ids that occur in the
            batch's triples or in `wanted_values`.
        aggregate: `aggregate(product_Q, question_N, triple_N) -> (Q, H)`, the product vectors of Q
            questions, each seeing only the triples paired with it: `question_N` (ascending) in
            0..Q-1 and `triple_N` in 0..E-1.
        knowledge_BKH: encoded knowledge tokens, where the batch has a knowledge text.
        evidence: what else speaks for candidate values, where the model counts it.
        modalities_BF: for a link scorer that reads it: of each modality, in order, the mean of its
            fused tokens and a 1 where it shows any (F = M (H + 1)).
    """

    individual: dict[str, Tensor]
    tokens: dict[str, Tensor]
    c_BH: Tensor
    cstar_BH: Tensor
    property_vectors: Callable[[Tensor], Tensor]
    value_vectors: Callable[[Tensor], Tensor]
    aggregate: Callable[[Tensor, Tensor, Tensor], Tensor]
    knowledge_BKH: Tensor | None = None
    evidence: EvidenceOf | None = None
    modalities_BF: Tensor | None = None
