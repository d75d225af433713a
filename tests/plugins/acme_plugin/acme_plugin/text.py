"""A text encoder that needs no vocabulary: words are hashed, each by itself."""

import re
import zlib

from torch import nn

from k3m_kg.api import TextEncoder, Tokens

MASK = 0


class HashedWords(TextEncoder):
    def __init__(self, buckets, hidden):
        super().__init__()
        self.embedding = nn.Embedding(buckets, hidden)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layer = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.LayerNorm(hidden))

    def prepare(self, texts):
        return [self._tokens(text) for text in texts]

    def _tokens(self, text):
        words = list(re.finditer(r"\w+", text.lower()))
        buckets = self.vocab_size - 1
        ids = [1 + zlib.crc32(word[0].encode()) % buckets for word in words]
        return Tokens(ids, [word.span() for word in words])

    @property
    def vocab_size(self):
        return self.embedding.num_embeddings

    @property
    def mask_id(self):
        return MASK

    @property
    def embedding_VH(self):
        return self.embedding.weight

    def forward(self, ids_BT, present_BT, segment_BT=None):
        return self.layer(self.embedding(ids_BT)) * present_BT[..., None]

    def save_assets(self, folder):
        pass  # nothing is fitted

    def load_assets(self, folder):
        pass
