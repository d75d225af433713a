"""The tensors of one batch of products, and what the model makes of them.

Presence is explicit: whatever is missing has a False in a `present` mask, and the content of the
tensor at that place never influences a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(slots=True)
class TermTokens:
    """Token ids of every property and value of a catalog, each term by itself.

    Attributes:
        property_ids: (number of properties, L) token ids, padded.
        property_present: the same shape, True at real tokens.
        value_ids: (number of values, L) token ids, padded.
        value_present: the same shape, True at real tokens.
    """

    property_ids: Tensor
    property_present: Tensor
    value_ids: Tensor
    value_present: Tensor

    def to(self, device: torch.device) -> TermTokens:
        """The same tokens on `device`."""
        return TermTokens(*(getattr(self, item.name).to(device) for item in fields(self)))


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
class Regions:
    """An image encoder's description of its regions, made before anything is masked.

    Attributes:
        present_BR: bool, True where there is a region.
        boxes_BR5: (x1/W, y1/H, x2/W, y2/H, area share), all in [0, 1].
        targets_BRC: soft object-class distribution of each region for masked object modelling,
            or None where the encoder has none.
    """

    present_BR: Tensor
    boxes_BR5: Tensor
    targets_BRC: Tensor | None = None


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
        title_ids_BT: title token ids.
        title_present_BT: bool; all False where the title is missing. Tokens may be absent in the
            middle (cut out); encoders number positions by counting present tokens.
        image_arrays: what the image encoder's `prepare` made of the products that have an image,
            stacked to (I, ...), I <= B.
        image_product_I: which product of the batch each of those images belongs to.
        image_present_B: bool, whether there is an image that may be looked at.
        triple_product_E: in 0..B-1, ascending.
        triple_property_E: property id.
        triple_value_E: value id.
        triple_visible_E: bool; an invisible triple takes no part in any aggregation, and its
            value's tokens are not shown to the knowledge encoder.
        title_match_ET: bool, the title tokens that spell the triple's value.
        catalog: the terms that property and value ids refer to.
        knowledge: the triples' words as one text per product, or None where terms are encoded
            one by one.
        regions: set by the model before the tasks' `corrupt`.
        region_masked_BR: bool; regions whose input feature is zeroed, or None.
        wanted_values: value ids whose vectors a task needs after the forward pass.
        notes: what a task wants to find again in `loss`, under its own name.
    """

    rows_B: Tensor
    title_ids_BT: Tensor
    title_present_BT: Tensor
    image_arrays: dict[str, Tensor]
    image_product_I: Tensor
    image_present_B: Tensor
    triple_product_E: Tensor
    triple_property_E: Tensor
    triple_value_E: Tensor
    triple_visible_E: Tensor
    title_match_ET: Tensor
    catalog: Catalog
    knowledge: KnowledgeText | None = None
    regions: Regions | None = None
    region_masked_BR: Tensor | None = None
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
            "image_arrays": {key: array.to(device) for key, array in self.image_arrays.items()}
        }
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                moved[item.name] = value.to(device, non_blocking=True)
        if self.knowledge is not None:
            moved["knowledge"] = self.knowledge.to(device)
        return replace(self, **moved, wanted_values=[], notes={})

    def cut_titles(self, triples_E: Tensor) -> None:
        """Cut the words of the values of the chosen triples (bool, E) out of the titles."""
        if not self.title_match_ET.numel():
            return
        cut_BT = torch.zeros_like(self.title_present_BT, dtype=torch.int32)
        chosen = (self.title_match_ET & triples_E[:, None]).to(torch.int32)
        cut_BT.index_add_(0, self.triple_product_E, chosen)
        self.title_present_BT = self.title_present_BT & (cut_BT == 0)


@dataclass(slots=True)
class ModelOutputs:
    """What one forward pass gives the tasks.

    Attributes:
        title_BTH: fused title tokens.
        image_BRH: fused regions.
        c_BH: product vector before the triples are aggregated.
        cstar_BH: `c*`, the product vector that every downstream task uses.
        property_vectors: property ids (any shape) -> vectors (..., H).
        value_vectors: value ids (any shape) -> vectors (..., H); only ids that occur in the
            batch's triples or in `wanted_values`.
        aggregate: `aggregate(product_Q, query_N, triple_N) -> (Q, H)`, the product vectors of Q
            questions, each seeing only the triples paired with it: `query_N` (ascending) in
            0..Q-1 and `triple_N` in 0..E-1.
        knowledge_BKH: encoded knowledge tokens, where the batch has a knowledge text.
    """

    title_BTH: Tensor
    image_BRH: Tensor
    c_BH: Tensor
    cstar_BH: Tensor
    property_vectors: Callable[[Tensor], Tensor]
    value_vectors: Callable[[Tensor], Tensor]
    aggregate: Callable[[Tensor, Tensor, Tensor], Tensor]
    knowledge_BKH: Tensor | None = None
