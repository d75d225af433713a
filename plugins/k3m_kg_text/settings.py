"""Settings of the built-in text encoders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from k3m_kg.api import Settings


class BertWordPieceSettings(Settings):
    """Settings of `bert-wordpiece`.

    Attributes:
        vocab_size: most WordPiece types the fitted tokenizer may hold.
        layers: transformer layers.
        heads: attention heads; H must be a multiple.
        expansion: width of the feed-forward layer as a multiple of H.
        dropout: inside the layers.
        embedding_dropout: on the embedded tokens.
        token_dropout: share of title tokens hidden at random while training.
        max_positions: longest text.
        norm: `pre` normalises before each sublayer (trains better from scratch), `post` after it,
            as BERT did.
    """

    vocab_size: int = Field(6000, ge=64, le=1 << 24)
    layers: int = Field(2, ge=1, le=1024)
    heads: int = Field(4, ge=1, le=1024)
    expansion: int = Field(2, ge=1, le=64)
    dropout: float = Field(0.1, ge=0, lt=1)
    embedding_dropout: float = Field(0.1, ge=0, lt=1)
    token_dropout: float = Field(0.0, ge=0, lt=1)
    max_positions: int = Field(512, ge=8, le=1 << 16)
    norm: Literal["pre", "post"] = "pre"


class TextNetworkSettings(Settings):
    """Settings of every encoder on a pretrained network; those of `minilm`.

    Attributes:
        freeze: keep the network as it is: each property, value and word of a title is encoded once,
            and cached beside the snapshot. Without, it is fine-tuned, which costs a forward and
            a backward pass of it over all terms in every step, and what follows has no effect.
        titles: `words` reads a title from its words, each encoded by itself and cached; `whole`
            runs the network over each title in every step.
        layers: transformer layers over the words of a title; 0 for none.
        heads: attention heads; H must be a multiple.
        expansion: width of the feed-forward layer as a multiple of H.
        dropout: inside the layers.
        embedding_dropout: on the words of a title.
    """

    freeze: bool = True
    titles: Literal["words", "whole"] = "words"
    layers: int = Field(1, ge=0)
    heads: int = Field(4, ge=1)
    expansion: int = Field(2, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    embedding_dropout: float = Field(0.1, ge=0, lt=1)


class PretrainedTextSettings(TextNetworkSettings):
    """Settings of `pretrained-text`.

    Attributes:
        model: a folder saved with `save_pretrained`, or a hub id (which needs the network).
        revision: the commit of a hub model.
        download: let a hub id be fetched over the network; without it only a local folder or what
            the hub's cache holds is used.
    """

    model: str
    revision: str | None = None
    download: bool = False
