"""Pretraining on a frozen text encoder: terms and words are encoded once, and nothing leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.batches import text_vectors
from k3m_kg.config import Component
from k3m_kg.model.compose import build_encoders
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.artifact.folder import Artifact
from k3m_kg.training.pretrain import Silent, pretrain
from k3m_kg_text.frozen import FrozenText
from tests.catalogs import shop_snapshot
from tests.model.conftest import Built, settings


def checkpoint(folder: Path, words: list[str]) -> Path:
    """A small random BERT that knows these words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    every = [*special, *sorted({word.lower() for text in words for word in text.split()})]
    vocabulary = {word: number for number, word in enumerate(every)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "bert", hidden_size=24, num_attention_heads=2, num_hidden_layers=1, intermediate_size=32,
        vocab_size=len(every),
    )  # fmt: skip
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Any:
    snapshot = Snapshot.open(shop_snapshot(tmp_path / "shop", 60))
    texts = [text for text in snapshot.titles.to_pylist() if text]
    folder = checkpoint(tmp_path / "bert", [*texts, *snapshot.properties, *snapshot.values])
    plain = settings(snapshot.path, tmp_path / "out", model={"knowledge": "term"})
    encoder = Component(name="pretrained-text", settings={"model": str(folder), "heads": 2})
    return plain.model_copy(update={"text_encoder": encoder})


def test_each_text_is_encoded_once(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    live: list[int] = []
    vectors, encode = FrozenText.vectors, FrozenText.encode

    def counted(self: FrozenText, texts: Any) -> Any:
        encoded.append(len(texts))
        return vectors(self, texts)

    def longest(self: FrozenText, ids: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        live.append(ids.shape[1])
        return encode(self, ids, present)

    monkeypatch.setattr(FrozenText, "vectors", counted)
    path = pretrain(config)
    assert len(encoded) == 2, "the words of the titles, and the terms"
    monkeypatch.setattr(FrozenText, "encode", longest)
    artifact, snapshot = Artifact.load(path), Snapshot.open(config.snapshot)
    batcher = artifact.batcher(snapshot)
    artifact.model(batcher.batch(snapshot.rows("test")[:8]))
    assert len(encoded) == 2, "a trained model finds the same cache"
    assert live == [], "nothing is cut or masked: no network runs"


def test_an_interrupted_run_goes_on_bit_for_bit(config: Any, tmp_path: Path) -> None:
    class Interrupt(Silent):
        def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
            if step == total - 1:
                raise KeyboardInterrupt

    whole = Artifact.load(pretrain(config.model_copy(update={"output": tmp_path / "whole"})))
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, observer=Interrupt())
    again = Artifact.load(pretrain(config, resume=True))
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name


def test_preparing_goes_on_where_it_was_stopped(
    config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_vectors, "_TOGETHER", 8)
    encoder: Any = build_encoders(config).text
    snapshot = Snapshot.open(config.snapshot)
    texts = [tokens.ids for tokens in encoder.prepare(["red " * count for count in range(1, 21)])]

    def stop(done: int, total: int) -> None:
        if done == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        text_vectors.mean_vectors(encoder, texts, snapshot, stop)
    counts: list[int] = []
    original = FrozenText.vectors

    def counted(self: FrozenText, some: Any) -> Any:
        counts.append(len(some))
        return original(self, some)

    monkeypatch.setattr(FrozenText, "vectors", counted)
    found = text_vectors.mean_vectors(encoder, texts, snapshot)
    assert counts == [4]
    np.testing.assert_array_equal(found, text_vectors.mean_vectors(encoder, texts, snapshot))
    assert found.shape == (20, 24)


def test_a_word_that_is_cut_or_masked_leaves_no_trace(config: Any) -> None:
    """What is left of a title is what it would be with any other word in that place."""
    snapshot = Snapshot.open(config.snapshot)
    built = Built(snapshot, config)
    encoder: Any = built.model.text_encoder
    title = built.batch(8).modalities["title"]
    view = built.model.views()["title"]
    assert title.tokens_BN is not None
    here = title.tokens_BN[:, :2].all(1)
    tokens = title.tokens_BN[here]
    arrays = {name: array[here] for name, array in title.arrays.items()}
    other = {name: array.clone() for name, array in arrays.items()}
    strange = (other["ids"][:, :1] + 7) % encoder.vocab_size
    for name in ("ids", "own_ids"):
        other[name] = torch.cat([strange, other[name][:, 1:]], 1)
    other["vectors"][:, :1] = 5.0
    left, masked = tokens.clone(), torch.zeros_like(tokens)
    left[:, 0], masked[:, 0] = False, True
    with torch.no_grad():
        assert not torch.allclose(view(arrays, tokens), view(other, tokens))
        torch.testing.assert_close(view(arrays, left), view(other, left))
        torch.testing.assert_close(view(arrays, tokens, masked), view(other, tokens, masked))


def test_a_word_of_which_a_piece_is_cut_is_read_piece_by_piece(config: Any) -> None:
    snapshot = Snapshot.open(config.snapshot)
    built = Built(snapshot, config)
    title = built.batch(8).modalities["title"]
    view = built.model.views()["title"]
    assert title.tokens_BN is not None
    here = title.tokens_BN[:, :2].all(1)
    arrays = {name: array[here].clone() for name, array in title.arrays.items()}
    arrays["words"][:, :2] = 0  # as if the first two tokens were one word
    left = title.tokens_BN[here].clone()
    left[:, 0] = False
    other = arrays | {"vectors": arrays["vectors"].clone()}
    other["vectors"][:, 1] = 5.0
    with torch.no_grad():
        torch.testing.assert_close(view(arrays, left), view(other, left))
