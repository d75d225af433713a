"""Image encoders whose regions are objects: of small random detectors, and computed before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from k3m_kg.contracts import ModelContext
from k3m_kg.errors import ConfigError
from k3m_kg.testing import ImageEncoderCase
from tests.conformance.test_builtin_plugins import make

RESNET: dict[str, object] = {
    "embedding_size": 8, "layer_type": "basic", "hidden_sizes": [8, 16], "depths": [1, 1],
}  # fmt: skip
HEADS = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
FEED_FORWARD = {"encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
LAYERS = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 16, "num_queries": 6}


class DetectorCase(ImageEncoderCase):
    """A small randomly initialised detector of five classes."""

    family = "detr"
    sizes: ClassVar[dict[str, object]] = {}
    settings: ClassVar[dict[str, object]] = {}

    @pytest.fixture(autouse=True)
    def saved(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        from transformers import AutoConfig, AutoModelForObjectDetection

        self.folder = tmp_path_factory.mktemp(self.family)
        torch.manual_seed(0)
        every = {**HEADS, **FEED_FORWARD, **LAYERS, "num_labels": 5, **self.sizes}
        config = AutoConfig.for_model(self.family, **every)
        AutoModelForObjectDetection.from_config(config).save_pretrained(self.folder)
        processor = {
            "image_processor_type": "DetrImageProcessor",
            "size": {"height": 64, "width": 64},
            "image_mean": [0.5, 0.4, 0.3],
            "image_std": [0.5, 0.6, 0.7],
        }
        (self.folder / "preprocessor_config.json").write_text(json.dumps(processor))

    def build(self, context: ModelContext) -> Any:
        settings = {"codebook": 8, "colours": 8, "heads": 2, "regions": 4, **self.settings}
        return make("image-encoder", "detector", context, model=str(self.folder), **settings)

    def fitted(self) -> tuple[Any, dict[str, torch.Tensor]]:
        """Where a masked object lies stays known: all pictures have their objects in one place."""
        encoder, arrays = super().fitted()
        return encoder, arrays | {"boxes": arrays["boxes"][:1].expand_as(arrays["boxes"])}

    def test_the_surest_object_is_always_there(self) -> None:
        encoder: Any = self.made()
        found = encoder.prepare(*self.sources())
        assert found["there"][:, 0].all()
        assert found["features"].shape == (8, 4, 16)


class TestDetr(DetectorCase):
    """Softmax, with a class of its own for no object."""

    sizes: ClassVar[dict[str, object]] = {
        "use_timm_backbone": False,
        "use_pretrained_backbone": False,
        "backbone": None,
        "backbone_config": {"model_type": "resnet", **RESNET, "out_features": ["stage2"]},
    }

    def test_there_is_a_target_for_each_class(self) -> None:
        assert self.made().num_targets == 5


class TestDetrOfWhichNothingIsSure(TestDetr):
    settings: ClassVar[dict[str, object]] = {"threshold": 0.99}

    def test_the_others_are_absent(self) -> None:
        encoder: Any = self.made()
        assert not encoder.prepare(*self.sources())["there"][:, 1:].any()


class TestRtDetr(DetectorCase):
    """A sigmoid for each class; targets are clusters here."""

    family = "rt_detr"
    settings: ClassVar[dict[str, object]] = {"targets": "codebook", "threshold": 0.0}
    sizes: ClassVar[dict[str, object]] = {
        "encoder_hidden_dim": 16, "encoder_in_channels": [16, 16, 16], "num_denoising": 0,
        "decoder_in_channels": [16, 16, 16], "use_pretrained_backbone": False, "backbone": None,
        "backbone_config": {
            "model_type": "rt_detr_resnet", **RESNET, "hidden_sizes": [8, 16, 16, 16],
            "depths": [1, 1, 1, 1], "out_features": ["stage2", "stage3", "stage4"],
        },
    }  # fmt: skip


def test_boxes_lie_in_the_picture_whatever_a_detector_says() -> None:
    from PIL import Image

    from k3m_kg_vision.object_regions import boxes_with_area, colours_in

    corners = np.array([[-0.5, 0.2, 1.5, 0.4], [0.9, 0.9, 0.1, 0.1], [1.0, 1.0, 1.0, 1.0]])
    boxes = boxes_with_area(corners)
    expected = [[0, 0.2, 1, 0.4, 0.2], [0.1, 0.1, 0.9, 0.9, 0.64], [1, 1, 1, 1, 0]]
    np.testing.assert_allclose(boxes, expected, atol=1e-6)
    picture = Image.new("RGB", (10, 6), (250, 10, 20))
    colours = colours_in(picture, boxes).reshape(3, 3, 16)
    assert (colours[:, 0] == 250).all()
    assert (colours[:, 2] == 20).all()


class PrecomputedCase(ImageEncoderCase):
    """Regions of all but one of the pictures, 3 to 5 each; the file names them by their files."""

    ending = "npz"
    settings: ClassVar[dict[str, object]] = {}

    @pytest.fixture(autouse=True)
    def saved(self, tmp_path: Path) -> None:
        self.originals = tmp_path / "pictures"
        self.originals.mkdir()
        self.path = tmp_path / f"regions.{self.ending}"
        random = np.random.default_rng(0)
        features = random.normal(size=(7, 5, 12)).astype(np.float32)
        boxes = np.broadcast_to(random.random((1, 5, 4)), (7, 5, 4)).astype(np.float32)
        classes = random.dirichlet(np.ones(3), (7, 5)).astype(np.float32)
        self.counts = [5, 5, 3, 4, 5, 5, 5]
        images, self.hashes = super().sources()
        for number, image in enumerate(images):
            (self.originals / f"p{number}.bin").write_bytes(image.tobytes())
        self.write([f"p{number}" for number in range(7)], features, boxes, classes)

    def write(self, ids: list[str], features: Any, boxes: Any, classes: Any) -> None:
        held = {"features": features, "boxes": boxes, "classes": classes}
        np.savez(self.path, ids=np.array(ids), counts=np.array(self.counts), **held)

    def build(self, context: ModelContext) -> Any:
        settings = {"codebook": 4, "colours": 8, "heads": 2, "regions": 4, **self.settings}
        places = {"path": str(self.path), "pictures": str(self.originals)}
        return make("image-encoder", "precomputed-regions", context, **places, **settings)

    def test_a_picture_that_the_file_lacks_is_absent_and_counted(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        encoder: Any = self.made()
        there = encoder.prepare(*self.sources())["there"]
        assert there.sum(1).tolist() == [4, 4, 3, 4, 4, 4, 4, 0]
        encoder.train()
        assert "1 of 8 pictures have no regions" in caplog.text


class TestNpz(PrecomputedCase):
    settings: ClassVar[dict[str, object]] = {"targets": "classes"}


class TestParquet(PrecomputedCase):
    ending = "parquet"

    def write(self, ids: list[str], features: Any, boxes: Any, classes: Any) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        held = {"features": features, "boxes": boxes, "classes": classes}
        lists = {
            name: [array[row, : self.counts[row]].tolist() for row in range(7)]
            for name, array in held.items()
        }
        pq.write_table(pa.table({"id": ids, **lists}), self.path)


class TestBottomUpAttention(PrecomputedCase):
    ending = "tsv"

    def write(self, ids: list[str], features: Any, boxes: Any, classes: Any) -> None:
        import base64

        def coded(array: Any) -> str:
            return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()

        lines = []
        for row, name in enumerate(ids):
            count = self.counts[row]
            corners = boxes[row, :count] * [100, 50, 100, 50]
            cells = [name, 100, 50, count, coded(corners), coded(features[row, :count])]
            lines.append("\t".join(map(str, cells)))
        self.path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.npz", b"PK"), ("a.tsv", b"x\t1\t1\t2\t!!\t!!\n"), ("a.parquet", b"PAR1"), ("a.txt", b"")],
)
def test_a_damaged_file_is_an_error_of_the_config(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    context = ModelContext(hidden=16)
    with pytest.raises(ConfigError):
        make("image-encoder", "precomputed-regions", context, path=str(tmp_path / name))
