"""Pictures of every kind: shrunk, or left out with a reason, never fatal."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from k3m_kg.snapshot import SnapshotSettings, build_snapshot
from k3m_kg.snapshot.thumbnails import (
    PictureError,
    decode,
    decoder_warnings_off,
    make_thumbnail,
)

from .conftest import MemoryStore, picture_of, product

SIZE = 64


def thumbnail(path: Path, size: int = SIZE) -> bytes:
    with decoder_warnings_off():
        return make_thumbnail(path, hashlib.sha256(path.read_bytes()).hexdigest(), size)


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze())


def gradient(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, (x + y) / 2], axis=-1).astype(np.uint8))


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "RGB"), ("a.png", "RGB"), ("a.jpg", "L")])
def test_a_small_plain_picture_keeps_its_bytes(tmp_path: Path, name: str, mode: str) -> None:
    path = tmp_path / name
    noise(SIZE, 20).convert(mode).save(path)
    assert thumbnail(path) == path.read_bytes()


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tiff", "a.gif"])
def test_a_large_picture_is_shrunk_and_keeps_its_shape(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    original = gradient(400, 200)
    original.save(path)
    data = thumbnail(path)
    assert thumbnail(path) == data
    small = decode(data)
    assert small.size == (SIZE, SIZE // 2)
    expected = np.asarray(original.resize(small.size), dtype=float)
    assert np.abs(np.asarray(small, dtype=float) - expected).mean() < 6


def test_photos_become_jpeg_and_graphics_stay_lossless(tmp_path: Path) -> None:
    gradient(400, 400).save(tmp_path / "photo.png")
    Image.new("RGB", (400, 400), "red").save(tmp_path / "logo.png")
    photo, logo = (thumbnail(tmp_path / name) for name in ("photo.png", "logo.png"))
    assert Image.open(io.BytesIO(photo)).format == "JPEG"
    assert Image.open(io.BytesIO(logo)).format == "PNG"
    assert decode(logo).getcolors() == [(SIZE * SIZE, (255, 0, 0))]


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    image = gradient(60, 30)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif, quality=95)
    assert decode(thumbnail(path)).size == (30, 60)


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    half = Image.new("LA", (20, 20), (0, 128))
    half.save(tmp_path / "half.png")
    palette = Image.new("P", (20, 20), 3)
    palette.putpalette(bytes(range(30)))
    palette.save(tmp_path / "palette.png", transparency=3)
    assert decode(thumbnail(tmp_path / "clear.png")).getpixel((5, 5)) == (255, 255, 255)
    assert decode(thumbnail(tmp_path / "half.png")).getpixel((5, 5)) == (127, 127, 127)
    assert decode(thumbnail(tmp_path / "palette.png")).getpixel((5, 5)) == (255, 255, 255)


def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (30, 30), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg")
    Image.new("1", (30, 30), 1).save(tmp_path / "bits.png")
    deep = np.full((30, 30), 0x8000, dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(np.full((30, 30), 200.0, dtype=np.float32)).save(tmp_path / "float.tiff")
    Image.new("LAB", (30, 30), (200, 128, 128)).save(tmp_path / "lab.tiff")
    red = decode(thumbnail(tmp_path / "cmyk.jpg")).getpixel((9, 9))
    assert red[0] > 240
    assert max(red[1:]) < 15
    assert decode(thumbnail(tmp_path / "bits.png")).getpixel((9, 9)) == (255, 255, 255)
    assert decode(thumbnail(tmp_path / "deep.png")).getpixel((9, 9)) == (128, 128, 128)
    assert decode(thumbnail(tmp_path / "float.tiff")).getpixel((9, 9)) == (200, 200, 200)
    assert decode(thumbnail(tmp_path / "lab.tiff")).mode == "RGB"


@pytest.mark.parametrize("bright", [0.61, 1.0, 3.5])
def test_floats_from_0_to_1_keep_their_tones(tmp_path: Path, bright: float) -> None:
    tones = np.full((64, 64), 0.015, np.float32)
    tones[:, 32:] = bright
    tones[0, 0] = np.nan
    Image.fromarray(tones).save(tmp_path / "float.tiff")
    small = decode(thumbnail(tmp_path / "float.tiff"))
    right = min(round(255 * bright), 255)
    assert [small.getpixel(place) for place in ((10, 10), (50, 10), (0, 0))] == [
        (4, 4, 4),
        (right, right, right),
        (0, 0, 0),
    ]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_an_animation_is_its_first_frame(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    data = thumbnail(path)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 1
    assert decode(data).getpixel((5, 5)) == pytest.approx((255, 0, 0), abs=3)


@pytest.mark.parametrize(("size", "expected"), [((1, 1), (1, 1)), ((5_000, 1), (SIZE, 1))])
def test_extreme_shapes_survive(tmp_path: Path, size, expected) -> None:
    Image.new("RGB", size, "green").save(tmp_path / "a.png")
    assert decode(thumbnail(tmp_path / "a.png")).size == expected


def test_metadata_that_outweighs_the_picture_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(8, 8, extra=chunk(b"prVt", b"x" * 500_000)))
    assert len(thumbnail(path)) < 2_000


def test_a_broken_exif_block_is_dropped_and_the_picture_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    gradient(30, 30).save(path, exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x00")
    assert decode(thumbnail(path)).size == (30, 30)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, extra: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress(b"\x00" * ((width + 1) * min(height, 100)))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def hostile(folder: Path) -> dict[str, Path]:
    gradient(300, 300).save(folder / "whole.jpg")
    whole = (folder / "whole.jpg").read_bytes()
    contents = {
        "empty": b"",
        "text": b"<html>not found</html>",
        "truncated": whole[: len(whole) // 2],
        "header only": whole[:200],
        "bomb": png(30_000, 30_000),
        "between the limits": png(10_000, 10_000),
        "zero wide": png(0, 10),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "random": np.random.default_rng(0).bytes(5_000),
    }
    paths = {name: folder / f"{name}.jpg" for name in contents}
    for name, data in contents.items():
        paths[name].write_bytes(data)
    return paths


def test_hostile_pictures_are_refused_with_a_reason(tmp_path: Path) -> None:
    for name, path in hostile(tmp_path).items():
        with pytest.raises(PictureError) as caught:
            thumbnail(path)
        wanted = "pixels" if name in ("bomb", "between the limits") else "not a picture"
        assert wanted in str(caught.value), name


@pytest.mark.parametrize("kind", ["folder", "pipe", "gone", "below a file"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "below a file":
        path.write_text("")
        path = path / "y"
    with pytest.raises(PictureError, match=r"not a file|gone"):
        make_thumbnail(path, "0" * 64, SIZE)


def test_hostile_pictures_never_stop_a_build(tmp_path: Path) -> None:
    paths = hostile(tmp_path)
    good = tmp_path / "whole.jpg"
    store = MemoryStore(
        [product(name, images=(picture_of(path),)) for name, path in paths.items()]
        + [product("good", images=(picture_of(good),))]
    )
    built = build_snapshot(store, tmp_path / "out", SnapshotSettings(image_size=SIZE))
    present = np.diff(built.snapshot.image_offsets)
    assert present.sum() == 1
    assert built.snapshot.image(int(built.snapshot.row_of(["good"])[0])).size == (SIZE, SIZE)
    left_out = [note["count"] for note in built.notes if "left out" in note["message"]]
    assert sum(left_out) == len(paths)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_stored_picture_that_is_too_large_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = io.BytesIO()
    Image.new("L", (12_000, 12_000)).save(data, "PNG")
    loaded: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: loaded.append(self))
    with pytest.raises(PictureError, match="12000 x 12000: a stored picture has sides of 4096"):
        decode(data.getvalue())
    assert not loaded


def test_a_stored_picture_that_is_none_is_one_error() -> None:
    whole = io.BytesIO()
    Image.new("L", (50, 50)).save(whole, "PNG")
    for data in (b"", b"\x89PNG", whole.getvalue()[:60]):
        with pytest.raises(PictureError, match="cannot be decoded"):
            decode(data)
