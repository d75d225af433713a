"""Vectors of properties and values: the mean of all a term's own token vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from k3m_kg.contracts import Catalog, FrozenTextEncoder, KnowledgeText, ProductBatch, TextEncoder
from k3m_kg.model.pooling import masked_mean

KNOWLEDGE_SEGMENT = 1


@dataclass(slots=True)
class TermVectors:
    """The terms of one batch, each distinct one encoded once.

    Attributes:
        ids_U: sorted distinct term ids.
        vectors_UH: their vectors.
    """

    ids_U: Tensor
    vectors_UH: Tensor

    def __call__(self, ids: Tensor) -> Tensor:
        """(..., H) for ids of any shape; every id must be among `ids_U`."""
        # F.embedding: on a CPU its gradient is many times faster than that of indexing
        return F.embedding(torch.searchsorted(self.ids_U, ids), self.vectors_UH)


def encode_terms(encoder: TextEncoder, ids_UL: Tensor, present_UL: Tensor) -> Tensor:
    """(U, H) vectors of terms, each encoded by itself."""
    count = len(ids_UL)
    if not count:  # encoders need not know how to encode nothing
        ids_UL, present_UL = ids_UL.new_zeros(1, 1), present_UL.new_zeros(1, 1)
    longest = max(1, int(present_UL.sum(1).max()))
    ids_UL, present_UL = ids_UL[:, :longest].long(), present_UL[:, :longest]
    segment_UL = torch.full_like(ids_UL, KNOWLEDGE_SEGMENT)
    return masked_mean(encoder(ids_UL, present_UL, segment_UL), present_UL)[:count]


def encode_properties(encoder: TextEncoder, catalog: Catalog, ids: Tensor) -> TermVectors:
    """The vectors of the distinct properties in `ids`."""
    ids_U = torch.unique(ids)
    tokens = catalog.tokens
    if tokens.property_vectors is not None:
        return TermVectors(ids_U, _projected(encoder, tokens.property_vectors[ids_U]))
    vectors = encode_terms(encoder, tokens.property_ids[ids_U], tokens.property_present[ids_U])
    return TermVectors(ids_U, vectors)


def encode_values(encoder: TextEncoder, catalog: Catalog, ids: Tensor) -> TermVectors:
    """The vectors of the distinct values in `ids`."""
    ids_U = torch.unique(ids)
    tokens = catalog.tokens
    if tokens.value_vectors is not None:
        return TermVectors(ids_U, _projected(encoder, tokens.value_vectors[ids_U]))
    vectors = encode_terms(encoder, tokens.value_ids[ids_U], tokens.value_present[ids_U])
    return TermVectors(ids_U, vectors)


def _projected(encoder: TextEncoder, vectors_UW: Tensor) -> Tensor:
    """(U, H) of terms that a frozen encoder read before training."""
    assert isinstance(encoder, FrozenTextEncoder)
    return encoder.project(vectors_UW)


def visible_text(text: KnowledgeText, visible_E: Tensor) -> Tensor:
    """(B, K) bool: knowledge tokens that are there when invisible triples are as if absent.

    Neither the value nor the property of such a triple leaves a token: that a product has a
    property is part of what is asked.
    """
    if not len(visible_E):
        return text.present_BK
    return text.present_BK & visible_E[text.triple_BK]


def knowledge_spans(
    encoded_BKH: Tensor, text: KnowledgeText, present_BK: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """`p` and `v` (E, H): each the mean of its own tokens in the product's knowledge text."""
    vectors_NH = encoded_BKH[present_BK]
    slot_N = 2 * text.triple_BK[present_BK] + text.is_value_BK[present_BK].long()
    total = vectors_NH.new_zeros(2 * count, vectors_NH.shape[1]).index_add(0, slot_N, vectors_NH)
    number = vectors_NH.new_zeros(2 * count).index_add(0, slot_N, torch.ones_like(vectors_NH[:, 0]))
    spans = (total / number.clamp_min(1)[:, None]).view(count, 2, vectors_NH.shape[1])
    return spans[:, 0], spans[:, 1]


def wanted_value_ids(batch: ProductBatch) -> Tensor:
    """Ids of every value whose vector the batch needs."""
    return torch.cat([batch.triple_value_E, *(ids.flatten() for ids in batch.wanted_values)])
