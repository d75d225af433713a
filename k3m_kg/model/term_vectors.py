"""Vectors of properties and values: the mean of all a term's own token vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from k3m_kg.contracts import FrozenTextEncoder, KnowledgeText, TermTokens, TextEncoder
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


def encode_terms(encoder: TextEncoder, ids_UL: Tensor, present_UL: Tensor, longest: int) -> Tensor:
    """(U, H) vectors of terms, each encoded by itself; none has more than `longest` tokens."""
    count = len(ids_UL)
    if not count:  # encoders need not know how to encode nothing
        ids_UL, present_UL = ids_UL.new_zeros(1, 1), present_UL.new_zeros(1, 1)
    longest = max(1, longest)
    ids_UL, present_UL = ids_UL[:, :longest].long(), present_UL[:, :longest]
    segment_UL = torch.full_like(ids_UL, KNOWLEDGE_SEGMENT)
    return masked_mean(encoder(ids_UL, present_UL, segment_UL), present_UL)[:count]


def encode_properties(
    encoder: TextEncoder, tokens: TermTokens, ids_U: Tensor, longest: int
) -> TermVectors:
    """The vectors of properties; `ids_U` ascends, none has more than `longest` tokens."""
    if tokens.property_vectors is not None:
        return TermVectors(ids_U, _projected(encoder, tokens.property_vectors[ids_U]))
    parts = tokens.property_ids[ids_U], tokens.property_present[ids_U]
    return TermVectors(ids_U, encode_terms(encoder, *parts, longest))


def encode_values(
    encoder: TextEncoder, tokens: TermTokens, ids_U: Tensor, longest: int
) -> TermVectors:
    """The vectors of values; `ids_U` ascends, none has more than `longest` tokens."""
    if tokens.value_vectors is not None:
        return TermVectors(ids_U, _projected(encoder, tokens.value_vectors[ids_U]))
    parts = tokens.value_ids[ids_U], tokens.value_present[ids_U]
    return TermVectors(ids_U, encode_terms(encoder, *parts, longest))


def encode_both(
    encoder: TextEncoder,
    tokens: TermTokens,
    properties_U: Tensor,
    values_U: Tensor,
    longest: tuple[int, int],
) -> tuple[TermVectors, TermVectors]:
    """As `encode_properties` and `encode_values`, in one pass of an encoder that is not frozen."""
    if tokens.property_vectors is not None or not len(properties_U) or not len(values_U):
        return (
            encode_properties(encoder, tokens, properties_U, longest[0]),
            encode_values(encoder, tokens, values_U, longest[1]),
        )
    width, count = max(longest), len(properties_U)
    ids_UL, present_UL = (
        torch.cat([F.pad(part[:, :width], (0, width - part[:, :width].shape[1])) for part in parts])
        for parts in (
            (tokens.property_ids[properties_U], tokens.value_ids[values_U]),
            (tokens.property_present[properties_U], tokens.value_present[values_U]),
        )
    )
    vectors_UH = encode_terms(encoder, ids_UL, present_UL, width)
    return (
        TermVectors(properties_U, vectors_UH[:count]),
        TermVectors(values_U, vectors_UH[count:]),
    )


def _projected(encoder: TextEncoder, vectors_UW: Tensor) -> Tensor:
    """(U, H) of terms that a frozen encoder read before training."""
    assert isinstance(encoder, FrozenTextEncoder)
    return encoder.project(vectors_UW)


def knowledge_spans(
    encoded_BKH: Tensor, text: KnowledgeText, token_N: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """`p` and `v` (E, H): each the mean of its own tokens in the product's knowledge text.

    `token_N` are the tokens that are seen, of the text laid flat.
    """
    vectors_NH = encoded_BKH.flatten(0, 1).index_select(0, token_N)
    slot_N = 2 * text.triple_BK.flatten()[token_N] + text.is_value_BK.flatten()[token_N].long()
    total = vectors_NH.new_zeros(2 * count, vectors_NH.shape[1]).index_add(0, slot_N, vectors_NH)
    number = vectors_NH.new_zeros(2 * count).index_add(0, slot_N, torch.ones_like(vectors_NH[:, 0]))
    spans = (total / number.clamp_min(1)[:, None]).view(count, 2, vectors_NH.shape[1])
    return spans[:, 0], spans[:, 1]
