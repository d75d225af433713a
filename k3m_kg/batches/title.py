"""The modality `title`: the words of a product's title, read by the text encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
"""Titles whose tokens are kept, 100 MB and more. Of a larger catalog, where few would be met again
while they are, only those of a batch are."""
_SPELLED = 1 << 19
"""Products of which is kept what their titles spell, some 200 MB; of others it is found anew."""
_NONE = Tokens([], [])
_TOGETHER = 4096
"""Titles whose features are made at once."""


class _Spelled(NamedTuple):
    """Of one product (triple, token) pairs: the token spells the triple's value.

    Attributes:
        texts: a hash of the values.
        triples: which of them, by number.
        places: the token.
    """

    texts: int
    triples: np.ndarray
    places: np.ndarray


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
            words = TitleWords(snapshot.whole, encoder, self.longest, progress)
        return TitleData(snapshot, encoder, self.longest, words)

    def forward(
        self, arrays: dict[str, Tensor], tokens_IN: Tensor, masked_IN: Tensor | None = None
    ) -> Tensor:
        """(I, T, H); a masked token is the mask token."""
        if "vectors" in arrays:
            return self._read(arrays, tokens_IN, masked_IN)
        ids_IT = self._masked(arrays, masked_IN)
        encoded: Tensor = self.text_encoder(ids_IT, tokens_IN, torch.zeros_like(ids_IT))
        return encoded

    def settle(self, tokens: ModalityTokens) -> None:
        """Of a frozen encoder's titles the tokens that are read alone."""
        if "vectors" in tokens.arrays:
            masked_BN = tokens.masked_BN
            masked_IN = None if masked_BN is None else masked_BN[tokens.product_I]
            alone = self._alone(tokens.arrays, tokens.shown_BN[tokens.product_I], masked_IN)
            tokens.arrays = tokens.arrays | alone

    def _masked(self, arrays: dict[str, Tensor], masked_IT: Tensor | None) -> Tensor:
        ids_IT = arrays["ids"]
        if masked_IT is None:
            return ids_IT
        return torch.where(masked_IT, self.text_encoder.mask_id, ids_IT)

    def _alone(
        self, arrays: dict[str, Tensor], tokens_IT: Tensor, masked_IT: Tensor | None
    ) -> dict[str, Tensor]:
        """Tokens whose word is no longer whole, as one of its own is cut or masked.

        `alone_ids` (U,), the distinct ones, and `alone` (I, T), which of them a token is, or -1.
        """
        ids_IT = self._masked(arrays, masked_IT)
        touched_IT = ~tokens_IT | (ids_IT != arrays["own_ids"])
        word_IT = arrays["words"]
        broken_IW = torch.zeros_like(word_IT).scatter_add_(1, word_IT, touched_IT.long())
        alone_IT = tokens_IT & (broken_IW.gather(1, word_IT) != 0)
        ids_U, which_N = torch.unique(ids_IT[alone_IT], return_inverse=True)
        which_IT = torch.full_like(ids_IT, -1)
        which_IT[alone_IT] = which_N
        return {"alone_ids": ids_U, "alone": which_IT}

    def _read(
        self, arrays: dict[str, Tensor], tokens_IT: Tensor, masked_IT: Tensor | None
    ) -> Tensor:
        """From the vectors of whole words, and of tokens that are alone."""
        encoder, vectors_ITW = self.text_encoder, arrays["vectors"]
        assert isinstance(encoder, FrozenTextEncoder)
        if "alone" not in arrays:
            arrays = arrays | self._alone(arrays, tokens_IT, masked_IT)
        which_IT = arrays["alone"]
        if len(arrays["alone_ids"]):
            alone_ITW = encoder.alone(arrays["alone_ids"]).float()[which_IT.clamp_min(0)]
            vectors_ITW = torch.where((which_IT >= 0)[..., None], alone_ITW, vectors_ITW.float())
        return encoder.read(vectors_ITW, tokens_IT)


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
        self._room = _KEPT if len(snapshot) <= _KEPT else _TOGETHER
        self._kept: dict[int, Tokens] = {}
        self._numbers: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._spelled: dict[int, _Spelled] = {}

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
        numbered = self.words(rows)
        words_BN, begins_BN = (None, None) if numbered is None else map(torch.from_numpy, numbered)
        return ModalityTokens(
            arrays=arrays,
            product_I=torch.arange(len(rows)),
            present_B=torch.ones(len(rows), dtype=torch.bool),
            tokens_BN=present,
            words_BN=words_BN,
            begins_BN=begins_BN,
        )

    def words(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
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
    ) -> Tensor | None:
        """Tokens of which any character spells the text."""
        spells = np.zeros((len(texts_E), tokens.arrays["ids"].shape[1]), bool)
        ends = np.searchsorted(product_E, np.arange(len(rows) + 1)).tolist()
        titles: list[str | None] | None = None
        for product, row in enumerate(rows.tolist()):
            first, last = ends[product : product + 2]
            if first == last:
                continue
            texts = tuple(texts_E[first:last])
            known = self._spelled.get(row)
            if known is None or known.texts != hash(texts):
                titles = titles or self._titles.take(rows).to_pylist()
                known = _spelled(titles[product] or "", self._tokens(rows)[product], texts)
                if len(self._spelled) < _SPELLED:
                    self._spelled[row] = known
            spells[first + known.triples, known.places] = True
        return torch.from_numpy(spells)

    def features(
        self, rows: np.ndarray, cut: Sequence[Sequence[str]] | None = None
    ) -> np.ndarray | None:
        """Of a frozen encoder the mean of the words, each encoded by itself; None: it has none.

        A word of which a part is cut is left out whole.
        """
        if self._words is None or not self._words.width:
            return None
        found = np.zeros((len(rows), self._words.width), np.float32)
        for start in range(0, len(rows), _TOGETHER):
            part = rows[start : start + _TOGETHER]
            tokens = self._tokens(part)
            gone = None
            if cut is not None:
                titles = self._titles.take(part).to_pylist()
                gone = [
                    _places(title or "", mine, texts)
                    for title, mine, texts in zip(titles, tokens, cut[start:], strict=False)
                ]
            found[start : start + len(part)] = self._words.means(tokens, gone)
        return found

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
            if len(self._kept) + len(missing) > self._room:
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


def _places(title: str, tokens: Tokens, texts: Sequence[str]) -> set[int]:
    """The tokens of a title that spell any of some texts."""
    spans = [span for text in texts for span in value_spans(title, text)]
    return {
        place
        for start, end in spans
        for place, (first, last) in enumerate(tokens.spans)
        if first < end and last > start
    }


def _spelled(title: str, tokens: Tokens, texts: tuple[str, ...]) -> _Spelled:
    """Which tokens of a title spell each of some texts."""
    triples, places = [], []
    for number, text in enumerate(texts):
        for start, end in value_spans(title, text):
            for place, (first, last) in enumerate(tokens.spans):
                if first < end and last > start:
                    triples.append(number)
                    places.append(place)
    return _Spelled(hash(texts), np.array(triples, np.int32), np.array(places, np.int32))


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
