"""The built-in plugins pass the conformance cases that outside plugins are given."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import torch

from k3m_kg.config import Component
from k3m_kg.contracts import ModalityContext, ModelContext, SamplerContext
from k3m_kg.plugin.registry import registry
from k3m_kg.testing import (
    FusionCase,
    ImageEncoderCase,
    InteractorCase,
    LinkLossCase,
    LinkScorerCase,
    ModalityCase,
    NegativeSamplerCase,
    ReaderCase,
    StructureCase,
    TextEncoderCase,
)


def make(kind: str, name: str, argument: object, **settings: object):
    found = registry()
    component = Component(name=name, settings=settings)
    record = found.find(kind, name).record
    return record.factory(found.settings(kind, component, kind), argument)


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


class TestExperts(FusionCase):
    def build(self, context: ModelContext):
        return make("fusion", "experts", context, experts=3)


class TestInteractiveOnly(FusionCase):
    def build(self, context: ModelContext):
        return make("fusion", "interactive-only", context)


class TestCoAttention(InteractorCase):
    def build(self, context: ModelContext):
        return make("interactor", "co-attention", context)


class TestCoAttentionOfTwo(InteractorCase):
    names = ("title", "image")

    def build(self, context: ModelContext):
        return make("interactor", "co-attention", context, layers=1)


class TestCoAttentionWithin(InteractorCase):
    def build(self, context: ModelContext):
        return make("interactor", "co-attention", context, self_attention=True)


class TestCoAttentionOfStreams(InteractorCase):
    def build(self, context: ModelContext):
        together = [["title", "numbers"]]
        return make("interactor", "co-attention", context, layers=1, together=together)


class TestCrossModality(InteractorCase):
    def build(self, context: ModelContext):
        return make("interactor", "cross-modality", context, feed=24)


class TestCrossModalityOfStreams(InteractorCase):
    def build(self, context: ModelContext):
        together = [["title", "numbers"]]
        return make("interactor", "cross-modality", context, layers=1, together=together)


class TestSingleStream(InteractorCase):
    def build(self, context: ModelContext):
        return make("interactor", "single-stream", context, layers=2)


class TestApart(InteractorCase):
    def build(self, context: ModelContext):
        return make("interactor", "none", context)


class TestStarAttention(StructureCase):
    def build(self, context: ModelContext):
        return make("structure", "star-attention", context)


class TestStarAttentionOnDgl(StructureCase):
    def build(self, context: ModelContext):
        pytest.importorskip("dgl")
        return make("structure", "star-attention", context, backend="dgl")


class TestNoStructure(StructureCase):
    def build(self, context: ModelContext):
        return make("structure", "none", context)


class TestTitle(ModalityCase):
    def build(self, context: ModalityContext):
        return make("modality", "title", context)


class TestDescription(ModalityCase):
    def build(self, context: ModalityContext):
        return make("modality", "description", context, properties=("kind",), max_tokens=8)


class TestKnowledge(ModalityCase):
    def build(self, context: ModalityContext):
        return make("modality", "knowledge", context, max_tokens=12)


class TestImage(ModalityCase):
    def build(self, context: ModalityContext):
        return make("modality", "image", context)


class TestBertWordPiece(TextEncoderCase):
    def build(self, context: ModelContext):
        return make("text-encoder", "bert-wordpiece", context, vocab_size=100, heads=2)


class TestPostNormBert(TextEncoderCase):
    def build(self, context: ModelContext):
        return make("text-encoder", "bert-wordpiece", context, vocab_size=100, norm="post")


def saved_tokenizer(folder: Path) -> int:
    """A WordPiece tokenizer as a model hub would hold it; the number of its words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "mug", "a", "blue", "shirt"]
    tokenizer = Tokenizer(
        models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return len(words)


SMALL = {"num_attention_heads": 2, "num_hidden_layers": 1, "hidden_size": 24}


class PretrainedTextCase(TextEncoderCase):
    """A small randomly initialised model, saved as any pretrained one would be."""

    family = "bert"
    sizes: ClassVar[dict[str, object]] = {}

    @pytest.fixture(autouse=True)
    def saved(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        from transformers import AutoConfig, AutoModel

        self.folder = tmp_path_factory.mktemp(self.family)
        words = saved_tokenizer(self.folder)
        torch.manual_seed(0)
        config = AutoConfig.for_model(
            self.family, **{**SMALL, "intermediate_size": 32, "vocab_size": words}, **self.sizes
        )
        AutoModel.from_config(config).save_pretrained(self.folder)

    freeze = False

    def build(self, context: ModelContext):
        settings = {"model": str(self.folder), "freeze": self.freeze, "heads": 2}
        return make("text-encoder", "pretrained-text", context, **settings)


class TestPretrainedBert(PretrainedTextCase):
    def test_a_text_beyond_the_models_length_is_cut(self) -> None:
        encoder = self.fitted()
        ids = torch.full((1, 600), 5)
        out = encoder(ids, torch.ones_like(ids, dtype=torch.bool))
        assert out[0, :510].any(1).all()
        assert not out[0, 510:].any()


class TestPretrainedRoberta(PretrainedTextCase):
    """Numbers positions from the padding index on."""

    family = "roberta"
    sizes: ClassVar[dict[str, object]] = {"max_position_embeddings": 513, "pad_token_id": 0}

    test_a_text_beyond_the_models_length_is_cut = (
        TestPretrainedBert.test_a_text_beyond_the_models_length_is_cut
    )


class TestPretrainedDistilBert(PretrainedTextCase):
    """Has no token types, and other names for its sizes."""

    family = "distilbert"
    sizes: ClassVar[dict[str, object]] = {"dim": 24, "n_heads": 2, "n_layers": 1, "hidden_dim": 32}


class TestPretrainedModernBert(PretrainedTextCase):
    """Rotary positions."""

    family = "modernbert"
    sizes: ClassVar[dict[str, object]] = {
        "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "reference_compile": False,
        "bos_token_id": 2, "eos_token_id": 3,
    }  # fmt: skip


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


class _Loss(LinkLossCase):
    name = ""

    def build(self):
        record = registry().find("link-loss", self.name).record
        return record.factory(record.config())


class TestMargin(_Loss):
    name = "margin"


class TestNSSA(_Loss):
    name = "nssa"


class TestInfoNCE(_Loss):
    name = "infonce"


class TestBCE(_Loss):
    name = "bce"


class TestCrossEntropy(_Loss):
    name = "cross-entropy"


class _Sampler(NegativeSamplerCase):
    name = ""

    def build(self, context: SamplerContext):
        return make("negative-sampler", self.name, context)


class TestUniform(_Sampler):
    name = "uniform"


class TestUniformAlone(_Sampler):
    name = "uniform"
    shared = 1


class TestBernoulli(_Sampler):
    name = "bernoulli"


class TestType(_Sampler):
    name = "type"
    shared = 1


class TestInBatch(_Sampler):
    name = "batch"


class TestAll(_Sampler):
    name = "all"


class TestK3MTsv(ReaderCase):
    def record(self):
        return registry().find("reader", "k3m-tsv").record

    def sample(self, folder: Path):
        path = folder / "items.tsv"
        path.write_text(
            "1\tred mug\ta.jpg\tcolour#:#red\tmugs\n2\tlamp\tb.jpg\tfits#:#E27\tlamps\n"
        )
        return path, None


class TestCsv(ReaderCase):
    def record(self):
        return registry().find("reader", "csv").record

    def sample(self, folder: Path):
        path, mapping = folder / "items.csv", folder / "mapping.yaml"
        path.write_text("sku,name,colour\n1,red mug,red\n2,,blue\n")
        mapping.write_text("id: sku\ntitle: name\nproperties: [colour]\n")
        return path, mapping


class TestJSONLines(ReaderCase):
    def record(self):
        return registry().find("reader", "jsonl").record

    def sample(self, folder: Path):
        path = folder / "items.jsonl"
        path.write_text(
            '{"id": 1, "title": "red mug", "size": {"h": 9.50}}\n\n{"id": 2, "title": ""}\n'
        )
        return path, None


class ParquetCase(ReaderCase):
    def record(self):
        return registry().find("reader", "parquet").record


class TestWideParquet(ParquetCase):
    def sample(self, folder: Path):
        path = folder / "items.parquet"
        table = {"id": [1, 2], "title": ["red mug", ""], "sizes": [[9, None], []]}
        pq.write_table(pa.table(table), path)
        return path, None


class TestLongArrow(ParquetCase):
    def sample(self, folder: Path):
        path = folder / "items.arrow"
        rows = {"head": ["1", "1", "2"], "property": ["a", "title", "a"], "value": ["x", "y", "x"]}
        feather.write_feather(pa.table(rows), path)
        return path, None


class TestMagento(ReaderCase):
    def record(self):
        return registry().find("reader", "magento").record

    def sample(self, folder: Path):
        path = folder / "items.csv"
        path.write_text(
            "sku,name,additional_attributes,configurable_variations\n"
            'P,Hoodie,"size=S,colour=red|blue",sku=V\nV,,size=S,\n'
        )
        return path, None


class RdfCase(ReaderCase):
    def record(self):
        return registry().find("reader", "rdf").record


class TestTurtle(RdfCase):
    def sample(self, folder: Path):
        path = folder / "items.ttl"
        path.write_text(
            "@prefix s: <https://schema.org/> . <1> a s:Product ; s:name 'mug' ; s:category '' .\n"
            "<2> a s:Product ; s:additionalProperty [ s:name 'size' ; s:value 9 ] .\n"
        )
        return path, None


class TestNTriples(RdfCase):
    def sample(self, folder: Path):
        path = folder / "items.nt"
        path.write_text('<urn:product:1> <urn:size> "9" .\n<urn:product:2> <urn:size> "" .\n')
        return path, None
