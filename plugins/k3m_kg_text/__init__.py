"""Built-in text encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import TextEncoderPlugin, hookimpl
from k3m_kg_text.settings import BertWordPieceSettings, PretrainedTextSettings

if TYPE_CHECKING:
    from k3m_kg.api import ModelContext, TextEncoder


def _bert_wordpiece(settings: BertWordPieceSettings, context: ModelContext) -> TextEncoder:
    from k3m_kg_text.bert_wordpiece import BertWordPiece

    return BertWordPiece(settings, context)


def _pretrained(settings: PretrainedTextSettings, context: ModelContext) -> TextEncoder:
    from k3m_kg_text.pretrained import PretrainedText

    return PretrainedText(settings, context)


@hookimpl
def k3m_kg_text_encoders() -> list[TextEncoderPlugin]:
    """Both text encoders."""
    return [
        TextEncoderPlugin(
            "bert-wordpiece",
            "a WordPiece tokenizer fitted on the catalog and a BERT of any size, from scratch",
            BertWordPieceSettings,
            _bert_wordpiece,
            requires=("torch", "tokenizers"),
        ),
        TextEncoderPlugin(
            "pretrained-text",
            "a pretrained transformers encoder from a local folder or hub id",
            PretrainedTextSettings,
            _pretrained,
            requires=("torch", "transformers"),
        ),
    ]
