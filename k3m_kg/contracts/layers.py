"""Contracts of the layers between encoders and `c*`: interactor, fusion, structure aggregation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Interactor(nn.Module, ABC):
    """How the modalities look at each other.

    One is built for all modalities of a model, whose names its context gives.
    """

    def reset_parameters(self) -> None:
        """Initial weights, called once, when the whole model is built; by default as they are."""

    @abstractmethod
    def forward(
        self, tokens: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Interactive features, by modality.

        Args:
            tokens: by modality, (B, N, H): what each token says alone; N differs, and may be 0.
            present: by modality, (B, N) bool; what is absent must influence nothing.
        """


class Fusion(nn.Module, ABC):
    """Merges what a token says alone with what it says after interaction."""

    @abstractmethod
    def forward(
        self, individual_BNH: Tensor, interactive_BNH: Tensor, present_BN: Tensor
    ) -> Tensor:
        """(B, N, H) for any number of tokens N; rows of absent tokens are zero."""


class StructureAggregation(nn.Module, ABC):
    """A product's triples into `c*`; a product without triples has `c* = c`.

    Works on questions: each is a product with the set of its triples that may be seen, so one
    batch can ask each triple from a `c*` that was aggregated without it.

    Attributes:
        reads_triples: whether `c*` depends on the triples at all.
    """

    reads_triples: bool = True

    def reset_parameters(self) -> None:
        """Initial weights, called once, when the whole model is built; by default as they are."""

    @abstractmethod
    def messages(
        self, c_BH: Tensor, product_E: Tensor, property_EH: Tensor, value_EH: Tensor
    ) -> tuple[Tensor, ...]:
        """What each triple says, whatever is asked: tensors of E rows.

        Args:
            c_BH: product vectors before the triples.
            product_E: the product of each triple, ascending.
            property_EH: vectors of the triples' properties.
            value_EH: vectors of their values.
        """

    @abstractmethod
    def forward(
        self, c_QH: Tensor, messages: tuple[Tensor, ...], question_N: Tensor, triple_N: Tensor
    ) -> Tensor:
        """`c*` (Q, H) of Q questions.

        Args:
            c_QH: the product vector of each question.
            messages: from `messages`.
            question_N: the question of each (question, visible triple) pair, ascending.
            triple_N: the triple of each pair, in 0..E-1.
        """
