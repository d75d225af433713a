"""Looking into picture files."""

from __future__ import annotations

import hashlib
import io
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from k3m_kg.graph.stored import CheckedImage, LocatedImage
from k3m_kg.pictures.checker import ImageChecker, check_image


def noise(width: int = 64, height: int = 48, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels if channels > 1 else pixels[..., 0])


def check(tmp_path: Path, data: bytes) -> CheckedImage:
    file = tmp_path / "picture"
    file.write_bytes(data)
    return check_image(file)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("L", "JPEG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("I;16", "PNG"),
        ("1", "PNG"),
        ("RGB", "WEBP"),
        ("RGB", "BMP"),
        ("CMYK", "TIFF"),
        ("P", "GIF"),
    ],
)
def test_every_colour_mode_is_fine(tmp_path: Path, mode: str, kind: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64))
    else:
        image = noise().convert(mode)
    data = encoded(image, kind)
    assert check(tmp_path, data) == CheckedImage(hashlib.sha256(data).hexdigest(), 64, 48)


def test_of_an_animation_the_first_frame_counts(tmp_path: Path) -> None:
    frames = [noise().convert("P"), noise(64, 48).convert("P").rotate(90)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert check(tmp_path, data).error is None


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_jpeg_is_seen(tmp_path: Path, kept: float, options: dict[str, bool]) -> None:
    data = encoded(noise(600, 400), "JPEG", **options)
    assert check(tmp_path, data).error is None
    found = check(tmp_path, data[: int(len(data) * kept)])
    assert found.error is not None
    assert "truncated" in found.error
    assert found.content_hash is None


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_other_truncated_files_are_seen(tmp_path: Path, kind: str) -> None:
    data = encoded(noise(200, 200), kind)
    assert check(tmp_path, data[: len(data) // 2]).error is not None


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 100), (100, 7)])
def test_tiny_pictures_are_refused(tmp_path: Path, width: int, height: int) -> None:
    found = check(tmp_path, encoded(noise(width, height), "PNG"))
    assert found.error == f"{width} x {height}: a side under 8 pixels"


def bomb(side: int) -> bytes:
    """A PNG of side x side black pixels in a few kilobytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8001, 10_000, 30_000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, side: int, recwarn: pytest.WarningsRecorder
) -> None:
    data = bomb(side)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = check(tmp_path, data)
    assert found.error is not None
    assert "64 megapixels" in found.error
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"<html>404</html>", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "not a picture"),
        (b"GIF89a\xff\xff", ""),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, ""),
        (b"\xff\xd8\xff" + b"\xe0" * 1000, ""),
    ],
)
def test_what_is_no_picture_says_so(tmp_path: Path, data: bytes, message: str) -> None:
    found = check(tmp_path, data)
    assert found.error is not None
    assert message in found.error


def test_a_file_that_vanished_or_is_forbidden_is_an_error_of_that_picture(tmp_path: Path) -> None:
    assert "No such file" in str(check_image(tmp_path / "gone.jpg").error)


def test_the_pool_keeps_the_order(tmp_path: Path) -> None:
    images = []
    for side in range(10, 40):
        file = tmp_path / f"{side}.png"
        file.write_bytes(encoded(noise(side, 9), "PNG"))
        images.append(LocatedImage(file.name, str(file)))
    with ImageChecker(4) as checker:
        assert [found.width for found in checker(images)] == list(range(10, 40))
