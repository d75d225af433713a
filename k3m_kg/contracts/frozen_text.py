"""The contract of a text encoder whose network is frozen, so that each text is encoded once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from k3m_kg.contracts.encoders import TextEncoder


class FrozenTextEncoder(TextEncoder):
    """What the framework caches beside a snapshot, and what then runs in each step.

    Terms are encoded whole, each by itself. Of titles the words are, each by itself: a word's
    vectors then hold nothing of the others, so that words which are cut out of a title, or masked,
    leave no trace, and a catalog's many titles are made of few words. `prepare` says in
    `Tokens.words` which tokens make a word.
    """

    @abstractmethod
    def cache_key(self) -> str:
        """A short name that changes whenever `vectors` would give something else."""

    @property
    def reads_words(self) -> bool:
        """Whether titles are read by `read`, from their words; else by `forward`, in every step."""
        return True

    @abstractmethod
    def vectors(self, texts: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """(t, W) float16 for each text of t token ids, which is encoded by itself.

        The encoder is on the device that training uses, and there are no gradients.
        """

    @abstractmethod
    def project(self, vectors_NW: Tensor) -> Tensor:
        """(N, H) of terms from the mean of each one's `vectors`."""

    @abstractmethod
    def alone(self, ids_U: Tensor) -> Tensor:
        """(U, W) of tokens, each encoded by itself, on the device and without gradients.

        What is left of a word of which a token is cut or masked is read so: the vectors of the
        whole word tell of what is hidden.
        """

    @abstractmethod
    def read(self, vectors_BTW: Tensor, present_BT: Tensor) -> Tensor:
        """(B, T, H) of titles, from the vectors of the tokens that are there (bool)."""
