"""The built-in plugins pass the conformance cases that outside plugins are given."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from k3m_kg.config import Component
from k3m_kg.contracts import ModelContext
from k3m_kg.registry import registry
from k3m_kg.testing import (
    FusionCase,
    ImageEncoderCase,
    LinkScorerCase,
    ReaderCase,
    TextEncoderCase,
)


def make(kind: str, name: str, argument: object, **settings: object):
    found = registry()
    component = Component(name=name, settings=settings)
    record = found.find(kind, name).record
    return record.factory(found.settings(kind, component, kind), argument)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class TestMean(FusionCase):
    def build(self, context: ModelContext):
        return make("fusion", "mean", context)


class TestSoft(FusionCase):
    def build(self, context: ModelContext):
        return make("fusion", "soft-spl", context)


class TestHard(FusionCase):
    def build(self, context: ModelContext):
        return make("fusion", "hard-spl", context)


class TestHardLinear(FusionCase):
    def build(self, context: ModelContext):
        return make("fusion", "hard-spl", context, gates="linear")


class TestInteractiveOnly(FusionCase):
    def build(self, context: ModelContext):
        return make("fusion", "interactive-only", context)


class TestBertWordPiece(TextEncoderCase):
    def build(self, context: ModelContext):
        return make("text-encoder", "bert-wordpiece", context, vocab_size=100, heads=2)


class TestPostNormBert(TextEncoderCase):
    def build(self, context: ModelContext):
        return make("text-encoder", "bert-wordpiece", context, vocab_size=100, norm="post")


class TestPretrainedText(TextEncoderCase):
    """A small randomly initialised BERT, saved as any pretrained one would be."""

    @pytest.fixture(autouse=True)
    def saved(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
        from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

        folder = tmp_path_factory.mktemp("bert")
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "mug", "a", "blue", "shirt"]
        tokenizer = Tokenizer(
            models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
        )
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        names = {
            f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
        }
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(words),
            hidden_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=6000,
        )
        BertModel(config).save_pretrained(folder)
        self.folder = folder

    def build(self, context: ModelContext):
        return make("text-encoder", "pretrained-text", context, model=str(self.folder))


class TestConvStem(ImageEncoderCase):
    def build(self, context: ModelContext):
        return make(
            "image-encoder",
            "patch-vit",
            context,
            size=32,
            patch=8,
            channels=[8, 8],
            heads=2,
            codebook=8,
            colours=8,
        )


class TestLinearStem(ImageEncoderCase):
    def build(self, context: ModelContext):
        return make(
            "image-encoder",
            "patch-vit",
            context,
            size=30,
            patch=6,
            stem="linear",
            codebook=0,
            colours=0,
        )


class TestTransE(LinkScorerCase):
    def build(self, hidden: int):
        return make("link-scorer", "transe", hidden)


class TestSquaredTransE(LinkScorerCase):
    def build(self, hidden: int):
        return make("link-scorer", "transe", hidden, power_norm=True)


class TestDistMult(LinkScorerCase):
    def build(self, hidden: int):
        return make("link-scorer", "distmult", hidden)


class TestComplEx(LinkScorerCase):
    def build(self, hidden: int):
        return make("link-scorer", "complex", hidden)


class TestRotatE(LinkScorerCase):
    def build(self, hidden: int):
        return make("link-scorer", "rotate", hidden)


class TestK3MTsv(ReaderCase):
    def build(self):
        return registry().find("reader", "k3m-tsv").record.factory()

    def sample(self, folder: Path):
        path = folder / "items.tsv"
        path.write_text(
            "1\tred mug\ta.jpg\tcolour#:#red\tmugs\n2\tlamp\tb.jpg\tfits#:#E27\tlamps\n"
        )
        return path, None


class TestCsv(ReaderCase):
    def build(self):
        return registry().find("reader", "csv").record.factory()

    def sample(self, folder: Path):
        path, mapping = folder / "items.csv", folder / "mapping.yaml"
        path.write_text("sku,name,colour\n1,red mug,red\n2,,blue\n")
        mapping.write_text("id: sku\ntitle: name\nproperties: [colour]\n")
        return path, mapping
