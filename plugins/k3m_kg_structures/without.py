"""No structure aggregation."""

from __future__ import annotations

from torch import Tensor

from k3m_kg.api import StructureAggregation


class Without(StructureAggregation):
    """`c* = c`, whatever the triples say."""

    reads_triples = False

    def messages(
        self, c_BH: Tensor, product_E: Tensor, property_EH: Tensor, value_EH: Tensor
    ) -> tuple[Tensor, ...]:
        """Nothing."""
        return ()

    def forward(
        self, c_QH: Tensor, messages: tuple[Tensor, ...], question_N: Tensor, triple_N: Tensor
    ) -> Tensor:
        """`c` (Q, H)."""
        return c_QH
