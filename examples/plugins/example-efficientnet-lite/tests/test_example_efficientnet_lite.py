"""The encoder keeps its contract, and tells pictures apart."""

import numpy as np
from example_efficientnet_lite import Lite0Settings, build
from PIL import Image

from k3m_kg.testing import ImageEncoderCase


class TestContract(ImageEncoderCase):
    def build(self, context):
        return build(Lite0Settings(cells=2), context)

    def sources(self):
        images, hashes = super().sources()
        return [image.resize((64, 64)) for image in images], hashes


def test_the_features_are_those_of_the_published_network():
    encoder = TestContract().made()
    pictures = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    red, blue = encoder.prepare(pictures, ["0" * 64, "1" * 64])["features"]
    assert red.shape == (4, 1280)
    assert red.min() >= 0  # ReLU6
    assert red.max() <= 6
    assert not np.allclose(red, blue, atol=0.1)
