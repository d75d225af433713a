"""Features: numbers for what a question may see of a product, the same in every catalog.

A triple's number is made of its ids in the training catalog, which other snapshots extend, so that
they stay. A word's is a hash of it and of its modality: no vocabulary has to be kept.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import ModalityTokens

_WORD = 1 << 62
"""Words have this bit, triples have not."""
_VALUE_BITS = 32
NOTHING = -1


def triple_numbers(properties_E: Tensor, values_E: Tensor) -> Tensor:
    """(E,) int64 of triples by their property and value ids."""
    return (properties_E.long() << _VALUE_BITS) | values_E.long()


def property_of(numbers: np.ndarray) -> np.ndarray:
    """The property ids of triples' numbers."""
    found: np.ndarray = numbers >> _VALUE_BITS
    return found


def word_number(word: str) -> int:
    """A word's number, whatever its case; modalities of one kind share it."""
    digest = hashlib.blake2b(word.lower().encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "little") & (_WORD - 1)) | _WORD


def is_word(numbers: np.ndarray) -> np.ndarray:
    """bool, which numbers are words."""
    found: np.ndarray = numbers >= _WORD
    return found


def shown_words(
    tokens: ModalityTokens, product_Q: Tensor, asked_Q: Tensor | None = None
) -> Tensor | None:
    """(Q, N) the words that questions about some products see whole, each at its first token.

    -1 elsewhere. A word of which a token is masked or hidden is not there. Of what was cut, what
    spells a question's own answer is not; words of other answers that were cut out of the same
    title, for all its questions see one, are.

    Args:
        tokens: what a batch shows; None is returned where they are no words.
        product_Q: which product of the batch each question is about.
        asked_Q: the triple that it asks; None: nothing that was cut is seen by any.
    """
    if tokens.words_BN is None or not tokens.words_BN.shape[1]:
        return None
    assert tokens.begins_BN is not None
    there_BN = tokens.tokens_BN
    if asked_Q is not None and tokens.uncut_BN is not None:
        there_BN = tokens.uncut_BN
    there_BN = there_BN & tokens.present_B[:, None]
    if tokens.masked_BN is not None:
        there_BN = there_BN & ~tokens.masked_BN
    there_QN = there_BN[product_Q]
    if asked_Q is not None and tokens.was_cut_E is not None and tokens.spells_EN is not None:
        cut_QN = tokens.spells_EN[asked_Q] & tokens.was_cut_E[asked_Q][:, None]
        there_QN = there_QN & ~cut_QN
    words_QN, begins_QN = tokens.words_BN[product_Q], tokens.begins_BN[product_Q]
    unit_QN = begins_QN.long().cumsum(1).sub(1).clamp_min(0)
    broken_QN = torch.zeros_like(words_QN).scatter_add_(1, unit_QN, (~there_QN).long())
    whole_QN = broken_QN.gather(1, unit_QN) == 0
    return torch.where(begins_QN & whole_QN & (words_QN >= 0), words_QN, NOTHING)
