"""No interaction at all."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from k3m_kg.api import Interactor


class Apart(Interactor):
    """Every token stays as it was."""

    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The same tensors."""
        return dict(tokens)
