"""Contracts of the networks that read pictures and texts, and building blocks for them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.config import ModelSettings
from k3m_kg.contracts.modality import Description

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class ModelContext:
    """What a component must fit into.

    Attributes:
        hidden: H, the width of every vector that leaves a component.
        seed: for whatever a component fits (codebooks, vocabularies).
        restoring: the component is being rebuilt from an artifact: `load_assets` and the weights
            follow, so nothing else (no pretrained model) may be read.
        modalities: the names of the model's modalities, in order.
        dropout: the model's own, for layers between the encoders and `c*`.
    """

    hidden: int
    seed: int = 0
    restoring: bool = False
    modalities: tuple[str, ...] = ("title", "image")
    dropout: float = 0.1


class Tokens(NamedTuple):
    """A text as token ids, without special tokens, and the characters each token covers.

    Attributes:
        ids: of the tokens.
        spans: first character and the one after the last.
        words: the number of the word that each token is of, ascending; None: each is a word.
    """

    ids: list[int]
    spans: list[tuple[int, int]]
    words: list[int] | None = None


class Tokeniser(Protocol):
    """What makes tokens of texts: every text encoder does."""

    def prepare(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text."""
        ...


class NoWords:
    """The tokeniser of a model that reads no words."""

    def prepare(self, texts: Sequence[str]) -> list[Tokens]:
        """No token in any text."""
        return [Tokens([], []) for _ in texts]


class ImageEncoder(nn.Module, ABC):
    """Pictures to regions.

    `prepare` runs once per picture and is cached under `cache_key()`; `fit` sees prepared pictures
    of the training products once, before training; `describe` says on the CPU which regions the
    pictures of a batch have, `forward` encodes it. `augment`, `unpack` and `targets` are those of
    `Modality`.

    Attributes:
        prepares_in_threads: whether several threads may be in `prepare` at once, each with pictures
            of its own; else one call follows the other, which suits a network on a device.
    """

    prepares_in_threads: bool = False

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """Weights that came from a checkpoint: they train at the pretrained rate. None here."""
        return []

    @abstractmethod
    def cache_key(self) -> str:
        """A short name that changes whenever `prepare` would give something else."""

    def resized(self, image: Image) -> Image:
        """The picture as `prepare` wants it; by default as it is.

        Called right after a picture was decoded, by several threads at once, so that a network on a
        device need not wait for it. `prepare` may be given pictures that were not here.
        """
        return image

    @abstractmethod
    def prepare(self, images: Sequence[Image], hashes: Sequence[str]) -> dict[str, np.ndarray]:
        """Arrays (I, ...) of I RGB pictures; shapes and dtypes are the same for every picture.

        The encoder is on the device that training uses, in evaluation mode and without gradients.

        Args:
            images: decoded pictures.
            hashes: SHA-256 (hex) of each one's source, by which precomputed features are found.
        """

    def fit(self, prepared: dict[str, Tensor]) -> None:
        """Fit what is not learned by gradient (codebooks) on stacked pictures (I, ...).

        The result must live in buffers, so that it is saved with the weights.
        """

    def augment(self, arrays: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The batch as training sees it (flips, shifts); by default unchanged.

        On the CPU: what is costly is only decided here, with further arrays, and done in `unpack`.
        """
        return arrays

    def unpack(self, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `targets` and `forward` both read, on the device; by default unchanged."""
        return arrays

    def ready_made(self, arrays: dict[str, Tensor], tokens_IR: Tensor) -> Tensor | None:
        """(I, F) what the shown regions say before any training; as `Modality.ready_made`."""
        return None

    @property
    @abstractmethod
    def num_targets(self) -> int:
        """C, the number of object classes; 0 where there are no targets."""

    @abstractmethod
    def describe(self, arrays: dict[str, Tensor]) -> Description:
        """Regions and their boxes, of pictures (I, ...) as they were prepared.

        Called on the CPU while the encoder may be on a device: not for what is in its buffers.
        """

    def targets(self, arrays: dict[str, Tensor]) -> Tensor | None:
        """(I, R, C) object targets of the unmasked pictures; None without classes."""
        return None

    @abstractmethod
    def forward(self, arrays: dict[str, Tensor], masked_IR: Tensor | None = None) -> Tensor:
        """(I, R, H) individual features; the input feature of masked regions is zeroed."""

    def save_assets(self, folder: Path) -> None:
        """Write what is neither setting nor weight (a detector's labels) into `folder`."""

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote; called before the weights are loaded."""


class TextEncoder(nn.Module, ABC):
    """Text to token vectors; the same weights serve titles and knowledge.

    The framework initialises nothing of a plugin. Embeddings that begin here begin small
    (`nn.init.normal_(table.weight, std=0.02)`): they are the output weights of masked language
    modelling, whose loss then starts near ln V, and with torch's own N(0, 1) many times above.
    `initialise` does linear layers. `TextEncoderCase` measures it.
    """

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """Weights that came from a checkpoint: they train at the pretrained rate. None here."""
        return []

    def fit(self, corpus: Iterable[str], terms: Iterable[str]) -> None:
        """Fit the tokenizer on the training titles and on the catalog's terms."""

    @abstractmethod
    def prepare(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text, without special tokens; never fails on odd text."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """V."""

    @property
    @abstractmethod
    def mask_id(self) -> int:
        """The id of the mask token."""

    @property
    def special_ids(self) -> tuple[int, ...]:
        """Ids that are no words (padding, start, end, ...): masking never puts them into a text."""
        return (self.mask_id,)

    @property
    @abstractmethod
    def embedding_VH(self) -> Tensor:
        """The token embeddings, for tied output weights; its width may differ from H."""

    def unfrozen(self) -> TextEncoder:
        """A copy of which everything trains, for fine-tuning; by default a plain copy."""
        return copy.deepcopy(self)

    @abstractmethod
    def forward(
        self, ids_BT: Tensor, present_BT: Tensor, segment_BT: Tensor | None = None
    ) -> Tensor:
        """(B, T, H). Positions count present tokens only, so a cut token leaves no gap.

        Rows without any present token give finite vectors that nothing reads. `segment_BT` (0 or
        1) tells titles from knowledge, for encoders with segment embeddings.
        """

    @abstractmethod
    def save_assets(self, folder: Path) -> None:
        """Write what is neither setting nor weight (the tokenizer) into `folder`."""

    @abstractmethod
    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote; called before the weights are loaded."""


@dataclass(frozen=True, slots=True)
class ModalityContext:
    """What a modality may build on.

    Attributes:
        model: what every component must fit into.
        text_encoder: the network that reads all texts of the model.
        image_encoder: the network that reads its pictures.
        sizes: limits, such as `max_title_tokens`.
    """

    model: ModelContext
    text_encoder: TextEncoder
    image_encoder: ImageEncoder
    sizes: ModelSettings


def initialise(module: nn.Module) -> None:
    """Xavier weights and zero biases for every linear layer in `module`.

    For parts that are trained from scratch; the framework never touches a plugin's weights itself.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
