"""A WordPiece tokenizer fitted on the catalog, and a BERT of configurable size."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn

from k3m_kg.api import ArtifactError, ModelContext, TextEncoder, Tokens, initialise, transformer
from k3m_kg_text.settings import BertWordPieceSettings

PAD, UNKNOWN, MASK = 0, 1, 2
_SPECIAL = ["[PAD]", "[UNK]", "[MASK]"]
_TERM_WEIGHT = 3  # terms are few beside titles, yet each should be few tokens


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def fit_vocabulary(texts: Iterable[tuple[str, int]], size: int) -> dict[str, int]:
    """A WordPiece vocabulary of at most `size` types for weighted texts; always the same one.

    The trainer numbers the characters that continue a word in the order of a hash map, which
    differs from run to run and decides ties: here they are numbered beforehand. Characters that do
    not fit into half of the vocabulary become unknown, the rarest first.
    """
    plain = _tokenizer({token: number for number, token in enumerate(_SPECIAL)})
    words: Counter[str] = Counter()
    for text, weight in texts:
        clean = plain.normalizer.normalize_str(text.encode("utf-8", "replace").decode())
        for word, _ in plain.pre_tokenizer.pre_tokenize_str(clean):
            words[word] += weight
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for place, character in enumerate(word):
            characters[f"##{character}" if place else character] += count
    kept = sorted(characters, key=lambda c: (-characters[c], c))[: size // 2]
    known = set(kept)
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[*_SPECIAL, *sorted(known)],
        limit_alphabet=len(known) + 1,
        show_progress=False,
    )
    whole = sorted(
        word
        for word in words
        if word[0] in known and all(f"##{character}" in known for character in word[1:])
    )
    fitted = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    fitted.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fitted.train_from_iterator((" ".join([word] * words[word]) for word in whole), trainer)
    return dict(fitted.get_vocab())


class BertWordPiece(TextEncoder):
    """Token, position and segment embeddings, LayerNorm, transformer layers.

    The vocabulary is fitted from the catalog, so the embedding table is made in `fit` (or in
    `load_assets`), not in the constructor.
    """

    def __init__(self, settings: BertWordPieceSettings, context: ModelContext) -> None:
        super().__init__()
        hidden = context.hidden
        self.settings = settings
        self.hidden = hidden
        self.tokenizer: Tokenizer | None = None
        self.tokens = nn.Embedding(len(_SPECIAL), hidden, padding_idx=PAD)
        self.positions = nn.Embedding(settings.max_positions, hidden)
        self.segments = nn.Embedding(2, hidden)
        for table in (self.positions, self.segments):  # as small as the tokens, or they drown them
            nn.init.normal_(table.weight, std=0.02)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(settings.embedding_dropout)
        self.layers = transformer(
            hidden,
            settings.layers,
            settings.heads,
            expansion=settings.expansion,
            dropout=settings.dropout,
            pre_norm=settings.norm == "pre",
            where="text_encoder.heads",
        )
        initialise(self)

    def fit(self, corpus: Iterable[str], terms: Iterable[str]) -> None:
        """Fit the WordPiece vocabulary on titles and terms and make the embedding table."""
        weighted = itertools.chain(((t, 1) for t in corpus), ((t, _TERM_WEIGHT) for t in terms))
        vocabulary = fit_vocabulary(weighted, self.settings.vocab_size)
        self._use(_tokenizer(vocabulary))

    def _use(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.tokens = nn.Embedding(tokenizer.get_vocab_size(), self.hidden, padding_idx=PAD)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def prepare(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens with the characters they cover."""
        assert self.tokenizer is not None, "fit or load_assets comes first"
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        encoded = self.tokenizer.encode_batch(clean, add_special_tokens=False)
        return [Tokens(item.ids, item.offsets) for item in encoded]

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.tokens.num_embeddings

    @property
    def mask_id(self) -> int:
        """The id of `[MASK]`."""
        return MASK

    @property
    def special_ids(self) -> tuple[int, ...]:
        """Padding, unknown, mask."""
        return (PAD, UNKNOWN, MASK)

    @property
    def embedding_VH(self) -> Tensor:
        """The token embeddings."""
        return self.tokens.weight

    def forward(
        self, ids_BT: Tensor, present_BT: Tensor, segment_BT: Tensor | None = None
    ) -> Tensor:
        """(B, T, H)."""
        if self.training and self.settings.token_dropout:
            kept = torch.rand(present_BT.shape, device=ids_BT.device) >= self.settings.token_dropout
            lone = present_BT.sum(1, keepdim=True) <= 1  # a text of one token keeps it
            title = True if segment_BT is None else segment_BT == 0
            visible_BT = present_BT & (kept | lone | ~torch.as_tensor(title))
        else:
            visible_BT = None
        last = self.settings.max_positions - 1
        position_BT = (present_BT.long().cumsum(1) - 1).clamp(0, last)
        embedded = self.tokens(ids_BT) + self.positions(position_BT)
        if segment_BT is not None:
            embedded = embedded + self.segments(segment_BT)
        out: Tensor = self.layers(self.dropout(self.norm(embedded)), present_BT, visible_BT)
        return out

    def save_assets(self, folder: Path) -> None:
        """Write `tokenizer.json`."""
        assert self.tokenizer is not None
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), encoding="utf-8")

    def load_assets(self, folder: Path) -> None:
        """Read `tokenizer.json`."""
        path = folder / "tokenizer.json"
        try:
            text = path.read_text(encoding="utf-8")
            json.loads(text)
            tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # the tokenizers library raises bare exceptions
            raise ArtifactError(f"the tokenizer cannot be read: {error}", where=str(path)) from None
        self._use(tokenizer)
