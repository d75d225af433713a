"""A modality: a named view of a product as tokens, from a snapshot to vectors.

`title` and `image` are two of them; a plugin may add a third, and nothing else has to know.

Shapes: B products of a batch, I of them that have the modality, N tokens, E triples, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.progress import Progress

if TYPE_CHECKING:
    from PIL.Image import Image


class ProductTable(Protocol):
    """What a modality reads of a snapshot: `k3m_kg.snapshot.Snapshot`.

    Attributes:
        path: the snapshot's folder; caches lie beside it.
        titles: an Arrow column of strings, null where a title is missing.
        image_offsets: (products + 1,) int64: a product has pictures [row] up to [row + 1].
        image_thumbnail: (pictures,) int32: which stored picture each is; equal files share one.
        whole: the table itself; of a view in which titles or pictures are missing or another's,
            what it is a view of: what is prepared of all that serves all views.
        picture_rows: in a view, (products,) int64: whose pictures in `whole` each product shows, -1
            for nobody's; None where there is no other than the table itself.
    """

    path: Path
    titles: Any
    image_offsets: np.ndarray
    image_thumbnail: np.ndarray

    @property
    def whole(self) -> ProductTable:
        """As above."""
        ...

    @property
    def picture_rows(self) -> np.ndarray | None:
        """As above."""
        ...

    def __len__(self) -> int:
        """How many products there are."""
        ...

    def product(self, row: int) -> Any:
        """All of one product: `id`, `title`, `category`, `properties`, `holdout`, `links`, ...

        `holdout` is not 0 for those of `properties` that training must not see.
        """
        ...

    def image(self, row: int, position: int = 0) -> Image | None:
        """A picture of a product, decoded."""
        ...

    def image_hash(self, number: int) -> str:
        """SHA-256 (hex) of the source of picture `number`, which `image_offsets` counts."""
        ...


@dataclass(slots=True)
class ModalityTokens:
    """What a batch shows of its products in one modality.

    Attributes:
        arrays: what the modality's `forward` reads, of the products that have it: (I, ...) each.
        product_I: which product of the batch each of those is, ascending.
        present_B: bool, whether the product's tokens may be looked at.
        tokens_BN: bool, True where there is a token. Tokens may be absent in the middle (cut out).
        boxes_BN5: where a token lies in a picture: (x1/W, y1/H, x2/W, y2/H, area share), all in
            [0, 1]; None where tokens have no place.
        targets_BNC: soft class distribution of each token for masked modelling; only in training,
            and None where tokens have no classes.
        masked_BN: bool; tokens that are there but whose content is hidden from the encoder, or
            None.
        spells_EN: bool, the tokens that spell the triple's value; None where tokens are no words.
        states_EN: bool, the tokens that are there because of the triple, such as a number read from
            its value: with the triple hidden they are absent. None where tokens have other sources.
        was_cut_E: bool, triples whose values have been cut; None where none has been.
        uncut_BN: bool, what `tokens_BN` would be had nothing been cut; None where nothing was.
        words_BN: int64, a number for the word that a token is of, equal for equal words; negative
            where it is of none. None where tokens are no words.
        begins_BN: bool, the tokens that begin a word, or are none.
    """

    arrays: dict[str, Tensor]
    product_I: Tensor
    present_B: Tensor
    tokens_BN: Tensor
    boxes_BN5: Tensor | None = None
    targets_BNC: Tensor | None = None
    masked_BN: Tensor | None = None
    spells_EN: Tensor | None = None
    states_EN: Tensor | None = None
    was_cut_E: Tensor | None = None
    uncut_BN: Tensor | None = None
    words_BN: Tensor | None = None
    begins_BN: Tensor | None = None

    @property
    def shown_BN(self) -> Tensor:
        """bool: tokens that are there and may be looked at."""
        return self.tokens_BN & self.present_B[:, None]

    @property
    def shown_B(self) -> Tensor:
        """bool: products that show something of this modality."""
        return self.shown_BN.any(1)

    def hide(self, products_B: Tensor) -> None:
        """Make it absent for some products (bool)."""
        self.present_B = self.present_B & ~products_B

    def swap(self, source_I: Tensor, product_E: Tensor) -> None:
        """Show of some products what belongs to others, as a catalog with wrong pictures does.

        Args:
            source_I: for each product that has it, by its place in `product_I`, whose it shows.
            product_E: the product of each triple. What now stands at another's spells none of its
                values: where it does, that is as true of it as of any product.
        """
        other_I = source_I != torch.arange(len(source_I), device=source_I.device)
        own_I, from_I = self.product_I, self.product_I[source_I]
        self.arrays = {name: array[source_I] for name, array in self.arrays.items()}
        for name in ("tokens_BN", "boxes_BN5", "masked_BN", "uncut_BN", "words_BN", "begins_BN"):
            held = getattr(self, name)
            if held is not None:
                setattr(self, name, held.index_copy(0, own_I, held[from_I]))
        if self.spells_EN is not None:
            other_B = torch.zeros_like(self.present_B).index_copy(0, own_I, other_I)
            self.spells_EN = self.spells_EN & ~other_B[product_E][:, None]

    def hide_tokens(self, tokens_BN: Tensor) -> None:
        """Make some tokens absent (bool); what an encoder's own attention would see goes too."""
        self._take_away(tokens_BN)
        masked_BN = tokens_BN if self.masked_BN is None else self.masked_BN | tokens_BN
        self.masked_BN = masked_BN

    def cut(self, triples_E: Tensor, product_E: Tensor) -> None:
        """Make the tokens absent that spell the values of the chosen triples (bool)."""
        if self.was_cut_E is None:
            self.uncut_BN, self.was_cut_E = self.tokens_BN, triples_E
        else:
            self.was_cut_E = self.was_cut_E | triples_E
        self.tokens_BN = self.tokens_BN & ~self._of(self.spells_EN, triples_E, product_E)

    def hide_stated(self, hidden_E: Tensor, product_E: Tensor) -> None:
        """Make the tokens absent that are there because of hidden triples (bool)."""
        if self.states_EN is not None:
            self._take_away(self._of(self.states_EN, hidden_E, product_E))

    def _take_away(self, gone_BN: Tensor) -> None:
        self.tokens_BN = self.tokens_BN & ~gone_BN
        if self.uncut_BN is not None:
            self.uncut_BN = self.uncut_BN & ~gone_BN

    def _of(self, of_EN: Tensor | None, triples_E: Tensor, product_E: Tensor) -> Tensor:
        """(B, N) bool, the tokens of the chosen triples by one of the tables of triples."""
        gone_BN = torch.zeros_like(self.tokens_BN, dtype=torch.int32)
        if of_EN is not None and of_EN.numel():
            gone_BN.index_add_(0, product_E, (of_EN & triples_E[:, None]).to(torch.int32))
        return gone_BN > 0

    def absent(self) -> ModalityTokens:
        """The same products without it; nothing is left to encode."""
        none = self.product_I[:0]
        arrays = {name: array[:0] for name, array in self.arrays.items()}
        return replace(
            self,
            arrays=arrays,
            product_I=none,
            present_B=self.present_B & False,
            tokens_BN=self.tokens_BN[:, :0],
            boxes_BN5=None if self.boxes_BN5 is None else self.boxes_BN5[:, :0],
            masked_BN=None,
            spells_EN=None,
            states_EN=None,
            was_cut_E=None,
            uncut_BN=None,
            words_BN=None,
            begins_BN=None,
        )


@dataclass(slots=True)
class Description:
    """Which tokens I products have, and where they lie; as in `ModalityTokens`.

    Attributes:
        tokens_IN: bool, True where there is a token.
        boxes_IN5: their places, or None.
    """

    tokens_IN: Tensor
    boxes_IN5: Tensor | None = None


class ReadyFeatures(NamedTuple):
    """What a modality has for B products that nothing here trained, F numbers each.

    Attributes:
        values_BF: zeros for products that show nothing of the modality.
        has_B: bool, those that show something of it.
    """

    values_BF: Tensor
    has_B: Tensor


class NamedTokens(NamedTuple):
    """Tokens that a person would call by one name, such as the pieces of a word."""

    name: str
    places: tuple[int, ...]


class ModalityData(ABC):
    """A modality of one snapshot's products, prepared."""

    @abstractmethod
    def has(self, rows: np.ndarray) -> np.ndarray:
        """bool, which of the products in `rows` have it."""

    @abstractmethod
    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> ModalityTokens:
        """What a batch of the products in `rows` (which may repeat) shows, on the CPU.

        `random` chooses where a product has several of it, such as pictures; without it, the first.
        """

    def spells(
        self, rows: np.ndarray, tokens: ModalityTokens, product_E: np.ndarray, texts_E: list[str]
    ) -> Tensor | None:
        """(E, N) bool: which tokens spell a text that is true of a product; None: none can.

        Args:
            rows: the products of the batch.
            tokens: what `batch` gave for them.
            product_E: the product (index into `rows`) of each text.
            texts_E: the texts.
        """
        return None

    def states(
        self,
        rows: np.ndarray,
        tokens: ModalityTokens,
        product_E: np.ndarray,
        triples_E: list[tuple[str, str]],
    ) -> Tensor | None:
        """(E, N) bool: which tokens are there because of a (property, value); None: none is.

        A modality that is made of triples (`Modality.of_triples`) must say this, or a question
        would see its answer. It is asked about all triples of the products, held-out ones too:
        tokens of those that a batch does not show are taken away.
        """
        return None

    def words(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """`words_BN` and `begins_BN` of `ModalityTokens`, without a batch; None: no words.

        What they speak for is counted over the training products.
        """
        return None

    def named(self, row: int) -> list[NamedTokens] | None:
        """A product's tokens as a person would name them; None: by their boxes or numbers."""
        return None

    def content(self, row: int) -> str | None:
        """What a person would look up to see it: the title itself, the hash of a picture."""
        return None

    def features(
        self, rows: np.ndarray, cut: Sequence[Sequence[str]] | None = None
    ) -> np.ndarray | None:
        """(N, F) floats that the model was given ready-made, such as a frozen network's mean token.

        A linear model on them is what the trained model is measured against; products without the
        modality have zeros. None: there are none, everything is learned here.

        Args:
            rows: the products, which may repeat.
            cut: texts that must not be read of each of them: where a question asks for one.
        """
        return None


class Modality(nn.Module, ABC):
    """From the arrays of a modality to token vectors.

    `open` runs once per snapshot, `fit` once before training on the training products, `forward`
    once per batch and only for the products that have it. In training `open` comes before `fit`,
    on the device that training uses and in training mode; for a trained model after `load_assets`
    and the weights, in evaluation mode.

    A batch of training is made on the CPU, ahead of the step and in another thread: `augment`,
    then what the tasks corrupt, then `settle`. What follows, `unpack`, `targets` and `forward`,
    runs on the device, which should be asked for no number: nothing there should have a shape that
    depends on one.

    Attributes:
        of_triples: whether its tokens come from triples; `ModalityData.states` then says which.
        of_words: whether `arrays["ids"]` are token ids of the text encoder, which masked language
            modelling may mask.
    """

    of_triples: bool = False
    of_words: bool = False

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """Weights that came from a checkpoint: they train at the pretrained rate. None here."""
        return []

    @abstractmethod
    def open(self, snapshot: ProductTable, progress: Progress | None = None) -> ModalityData:
        """The snapshot's products, prepared; what is costly is cached beside the snapshot."""

    def fit(self, data: ModalityData, rows: np.ndarray) -> None:
        """Fit what is not learned by gradient on training products, into buffers or assets."""

    def augment(self, arrays: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The arrays as training sees them (flips, shifts); by default unchanged.

        On the CPU: what is costly is only decided here, with further arrays, and done in `unpack`.
        """
        return arrays

    def settle(self, tokens: ModalityTokens) -> None:
        """What `forward` needs that depends on which tokens are left; on the CPU, by default none.

        Called in training, after all tasks have corrupted the batch, for what has any tokens. It
        may add to `tokens.arrays`; `forward` finds the same by itself where it was not called.
        """

    def unpack(self, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `targets` and `forward` both read, on the device; by default unchanged."""
        return arrays

    @property
    def num_targets(self) -> int:
        """C, how many classes tokens have for masked modelling; 0 where they have none."""
        return 0

    def targets(self, arrays: dict[str, Tensor]) -> Tensor | None:
        """(I, N, C) soft classes of the unmasked tokens; None where there are none."""
        return None

    def ready_made(self, arrays: dict[str, Tensor], tokens_IN: Tensor) -> Tensor | None:
        """(I, F) what the tokens say together before any training here; None: nothing.

        Such as the mean of a frozen network's vectors, or a histogram of colours. Link prediction
        takes it as evidence (`model.evidence.regressions`). It must not depend on tokens that are
        absent (`tokens_IN` is False), nor change while the model trains.
        """
        return None

    @abstractmethod
    def forward(
        self, arrays: dict[str, Tensor], tokens_IN: Tensor, masked_IN: Tensor | None = None
    ) -> Tensor:
        """(I, N, H): what each token says alone.

        Absent tokens must not influence the others; masked ones are there, without their content.
        What stands at absent ones is finite, and read by nobody.
        """

    def save_assets(self, folder: Path) -> None:
        """Write what is neither setting nor weight into `folder`."""

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote; called before the weights are loaded."""
