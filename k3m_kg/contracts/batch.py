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
    """

    property_ids: Tensor
    property_present: Tensor
    value_ids: Tensor
    value_present: Tensor
    property_vectors: Tensor | None = None
    value_vectors: Tensor | None = None

    def to(self, device: torch.device) -> TermTokens:
        """The same tokens on `device`."""
        moved: dict[str, Any] = {}
        for item in fields(self):
            held = getattr(self, item.name)
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

    def to(self, device: torch.device) -> KnowledgeText:
        """The same text on `device`."""
        return KnowledgeText(*(getattr(self, item.name).to(device) for item in fields(self)))


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
        catalog: the terms that property and value ids refer to.
        knowledge: the triples' words as one text per product, or None where terms are encoded
            one by one.
        wanted_values: value ids whose vectors a task needs after the forward pass.
        notes: what a task wants to find again in `loss`, under its own name.
    """

    rows_B: Tensor
    modalities: dict[str, ModalityTokens]
    triple_product_E: Tensor
    triple_property_E: Tensor
    triple_value_E: Tensor
    triple_visible_E: Tensor
    catalog: Catalog
    knowledge: KnowledgeText | None = None
    wanted_values: list[Tensor] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """B."""
        return self.rows_B.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.rows_B.device

    def to(self, device: torch.device) -> ProductBatch:
        """The same batch on `device`; the catalog is moved by its owner, once."""
        moved: dict[str, Any] = {
            "modalities": {name: tokens.to(device) for name, tokens in self.modalities.items()}
        }
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                moved[item.name] = value.to(device, non_blocking=True)
        if self.knowledge is not None:
            moved["knowledge"] = self.knowledge.to(device)
        return replace(self, **moved, wanted_values=[], notes={})

    def answers(self, asked_Q: Tensor) -> Tensor:
        """(Q, X) triples of the product and property of each asked one, itself too, padded -1."""
        slot_E = self.triple_product_E * len(self.catalog.properties) + self.triple_property_E
        order_E = slot_E.argsort(stable=True)
        sorted_E, slot_Q = slot_E[order_E], slot_E[asked_Q]
        first_Q = torch.searchsorted(sorted_E, slot_Q)
        count_Q = torch.searchsorted(sorted_E, slot_Q, right=True) - first_Q
        most = int(count_Q.max()) if len(count_Q) else 0
        place_X = torch.arange(most, device=asked_Q.device)
        triple_QX = order_E[(first_Q[:, None] + place_X).clamp_max(max(0, len(order_E) - 1))]
        return torch.where(place_X < count_Q[:, None], triple_QX, -1)

    def cut_values(self, triples_E: Tensor) -> None:
        """Cut the tokens that spell the values of the chosen triples (bool, E) out of all texts."""
        for tokens in self.modalities.values():
            tokens.cut(triples_E, self.triple_product_E)

    def token_counts(self) -> tuple[int, int]:
        """Tokens of all modalities and of the knowledge text; and places for them, padding too."""
        masks = [
            tokens.shown_BN for tokens in self.modalities.values() if tokens.tokens_BN is not None
        ]
        if self.knowledge is not None:
            masks.append(self.knowledge.present_BK)
        return sum(int(mask.sum()) for mask in masks), sum(mask.numel() for mask in masks)

    def hide_stated(self) -> None:
        """Make the tokens absent that are there because of invisible triples."""
        for tokens in self.modalities.values():
            tokens.hide_stated(~self.triple_visible_E, self.triple_product_E)


class EvidenceTerm(Protocol):
    """The part of training questions' scores that is no nearness of vectors."""

    def __call__(self, name: int, chosen_N: Tensor) -> Tensor:
        """(N, C) for some of the questions, which ask one property, and all its candidates."""
        ...


class EvidenceOf(Protocol):
    """From training questions to their `EvidenceTerm`: `k3m_kg.lpm.evidence`."""

    def __call__(
        self,
        head_QH: Tensor,
        asked_Q: Tensor,
        question_N: Tensor | None = None,
        triple_N: Tensor | None = None,
    ) -> EvidenceTerm:
        """Of the questions that ask the batch's triples `asked_Q`.

        What each sees is what its product shows and the triples paired with it, as in
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
