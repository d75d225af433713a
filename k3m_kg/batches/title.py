"""The modality `title`: the words of a product's title, read by the text encoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.title_words import TitleWords
from k3m_kg.batches.words import pad
from k3m_kg.contracts import (
    FrozenTextEncoder,
    Modality,
    ModalityData,
    ModalityTokens,
    NamedTokens,
    ProductTable,
    TextEncoder,
    Tokeniser,
    Tokens,
)
from k3m_kg.lpm.evidence.features import NOTHING, word_number
from k3m_kg.lpm.title_leakage import value_spans, word_spans
from k3m_kg.progress import Progress

_KEPT = 1 << 17
"""Titles whose tokens are kept; a larger catalog is tokenised again now and then."""
_NONE = Tokens([], [])


class TitleModality(Modality):
    """Title tokens.

    Args:
        text_encoder: reads them; the same that reads properties and values.
        longest: T; longer titles are cut.
    """

    of_words = True

    def __init__(self, text_encoder: TextEncoder, longest: int) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.longest = longest

    def open(self, snapshot: ProductTable, progress: Progress | None = None) -> TitleData:
        """Titles are tokenised when they are first asked for.

        With a frozen encoder that reads words, each word is encoded now, or was before.
        """
        encoder, words = self.text_encoder, None
        if isinstance(encoder, FrozenTextEncoder) and encoder.reads_words:
            words = TitleWords(snapshot, encoder, self.longest, progress)
        return TitleData(snapshot, encoder, self.longest, words)

    def forward(
        self, arrays: dict[str, Tensor], tokens_IN: Tensor, masked_IN: Tensor | None = None
    ) -> Tensor:
        """(I, T, H); a masked token is the mask token."""
        ids_IT = arrays["ids"]
        if masked_IN is not None:
            ids_IT = torch.where(masked_IN, self.text_encoder.mask_id, ids_IT)
        if "vectors" in arrays:
            return self._read(arrays, ids_IT, tokens_IN)
        encoded: Tensor = self.text_encoder(ids_IT, tokens_IN, torch.zeros_like(ids_IT))
        return encoded

    def _read(self, arrays: dict[str, Tensor], ids_IT: Tensor, tokens_IT: Tensor) -> Tensor:
        """From the words that are whole; one of which a token is cut or masked no longer is."""
        assert isinstance(self.text_encoder, FrozenTextEncoder)
        touched_IT = ~tokens_IT | (ids_IT != arrays["own_ids"])
        word_IT = arrays["words"]
        broken_IW = torch.zeros_like(word_IT).scatter_add_(1, word_IT, touched_IT.long())
        whole_IT = broken_IW.gather(1, word_IT) == 0
        return self.text_encoder.read(arrays["vectors"], ids_IT, tokens_IT, whole_IT)


class TitleData(ModalityData):
    """The titles of a snapshot.

    Args:
        snapshot: has them.
        tokeniser: makes tokens of them.
        longest: tokens that are kept of one.
        words: what a frozen encoder gave for the titles' words, if it reads titles from them.
    """

    def __init__(
        self,
        snapshot: ProductTable,
        tokeniser: Tokeniser,
        longest: int,
        words: TitleWords | None = None,
    ) -> None:
        self._titles = snapshot.titles
        self._tokeniser = tokeniser
        self._longest = longest
        self._words = words
        self._kept: dict[int, Tokens] = {}
        self._numbers: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def has(self, rows: np.ndarray) -> np.ndarray:
        """Whether there is a title that is not empty."""
        return np.array([bool(text) for text in self._titles.take(rows).to_pylist()], bool)

    def batch(self, rows: np.ndarray, random: np.random.Generator | None = None) -> ModalityTokens:
        """`ids` (B, T); a product without a title has no token."""
        titles = self._tokens(rows)
        ids, present = pad([found.ids for found in titles], self._longest)
        arrays = {"ids": ids.long()}
        if self._words is not None:
            arrays |= self._words.arrays(titles, ids.shape[1])
            arrays["own_ids"] = arrays["ids"]
        words_BN, begins_BN = self.words(rows)
        return ModalityTokens(
            arrays=arrays,
            product_I=torch.arange(len(rows)),
            present_B=torch.ones(len(rows), dtype=torch.bool),
            tokens_BN=present,
            words_BN=torch.from_numpy(words_BN),
            begins_BN=torch.from_numpy(begins_BN),
        )

    def words(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the words that are kept; what is no letter or digit is of no word."""
        titles = self._titles.take(rows).to_pylist()
        kept = [len(found.ids) for found in self._tokens(rows)]
        width = max(1, max(kept, default=0))
        words = np.full((len(rows), width), NOTHING, np.int64)
        begins = np.ones((len(rows), width), bool)
        for place, row in enumerate(rows.tolist()):
            if row not in self._numbers:
                self._numbers[row] = _numbered(titles[place] or "", self._kept[row])
            words[place, : kept[place]], begins[place, : kept[place]] = self._numbers[row]
        return words, begins

    def spells(
        self, rows: np.ndarray, tokens: ModalityTokens, product_E: np.ndarray, texts_E: list[str]
    ) -> Tensor:
        """Tokens of which any character spells the text."""
        found = self._tokens(rows)
        titles = self._titles.take(rows).to_pylist()
        spells = np.zeros((len(texts_E), tokens.arrays["ids"].shape[1]), bool)
        for triple, (owner, text) in enumerate(zip(product_E.tolist(), texts_E, strict=True)):
            if not titles[owner]:
                continue
            for start, end in value_spans(titles[owner], text):
                for place, (first, last) in enumerate(found[owner].spans):
                    if first < end and last > start:
                        spells[triple, place] = True
        return torch.from_numpy(spells)

    def named(self, row: int) -> list[NamedTokens]:
        """The words with the places of their tokens; words that were cut off are left out."""
        title = self.content(row)
        if not title:
            return []
        (found,) = self._tokens(np.array([row]))
        words = [
            NamedTokens(
                title[start:end],
                tuple(
                    place
                    for place, (first, last) in enumerate(found.spans)
                    if first < end and last > start
                ),
            )
            for start, end in word_spans(title)
        ]
        return [word for word in words if word.places]

    def content(self, row: int) -> str | None:
        """The title itself."""
        text: str | None = self._titles[row].as_py()
        return text

    def _tokens(self, rows: np.ndarray) -> list[Tokens]:
        """Ids and spans of the rows' titles, tokenised once and kept for a while."""
        wanted = rows.tolist()
        missing = [row for row in set(wanted) if row not in self._kept]
        if missing:
            if len(self._kept) + len(missing) > _KEPT:
                self._kept = {row: self._kept[row] for row in set(wanted) if row in self._kept}
                self._numbers = {}
            texts = self._titles.take(missing).to_pylist()
            known = [(row, text) for row, text in zip(missing, texts, strict=True) if text]
            self._kept.update(dict.fromkeys(missing, _NONE))
            made = self._tokeniser.prepare([text for _, text in known])
            for (row, _), tokens in zip(known, made, strict=True):
                cut = slice(self._longest)
                words = None if tokens.words is None else tokens.words[cut]
                self._kept[row] = Tokens(tokens.ids[cut], tokens.spans[cut], words)
        return [self._kept[row] for row in wanted]


def _numbered(title: str, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Of each token the number of its word, and whether it begins one or is of none."""
    words = np.full(len(tokens.ids), NOTHING, np.int64)
    begins = np.ones(len(tokens.ids), bool)
    spans = word_spans(title)
    place, before = 0, -1
    for token, (first, last) in enumerate(tokens.spans):
        while place < len(spans) and spans[place][1] <= first:
            place += 1
        if place < len(spans) and spans[place][0] < last:
            start, end = spans[place]
            words[token] = word_number(title[start:end])
            begins[token], before = place != before, place
    return words, begins
