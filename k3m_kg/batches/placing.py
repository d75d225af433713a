"""From the products that have a modality to all of a batch."""

from __future__ import annotations

from torch import Tensor


def to_products(found: Tensor, rows_I: Tensor, size: int) -> Tensor:
    """(I, ...) per product that has it to (B, ...) per product, zero where it is absent."""
    return found.new_zeros(size, *found.shape[1:]).index_copy(0, rows_I, found)
