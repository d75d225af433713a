"""From a picture file of any kind to the small one that a snapshot stores."""

from __future__ import annotations

import hashlib
import io
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from k3m_kg.pictures.checker import FORMATS, MAX_FILE_BYTES, MAX_PIXELS
from k3m_kg.snapshot.settings import MAX_IMAGE_SIZE

JPEG_QUALITY = 90

_GRAPHIC_COLOURS = 256
_SMALL_PIXELS = 48 * 48


class PictureError(Exception):
    """Why a picture is left out of a snapshot, in words that many pictures can share."""


@cache
def _formats() -> tuple[str, ...]:
    """Those that an ingest accepts, as far as this Pillow was built with them."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def decoder_warnings_off() -> Iterator[None]:
    """Silence Pillow's warnings: what matters of them, `make_thumbnail` says as a reason."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def make_thumbnail(path: Path, content_hash: str, size: int) -> bytes:
    """The picture in `path` as a JPEG or PNG file with sides of at most `size` pixels.

    A plain RGB or grey JPEG or PNG without EXIF that is small enough is returned byte for byte.
    Anything else is decoded (first frame, turned as EXIF says, over white where transparent,
    8 bits per channel), shrunk with a Lanczos filter, and written as PNG where it has few
    colours or pixels, else as JPEG of quality 90 without chroma subsampling. One version of
    Pillow always gives the same bytes.

    Args:
        content_hash: SHA-256 (hex) of the file as the graph knows it.

    Raises:
        PictureError: the file is gone, was changed, or is not a picture that can be decoded.
    """
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != content_hash:
        raise PictureError("file changed since it was ingested")
    try:
        return _shrink(data, size)
    except PictureError:
        raise
    except MemoryError:
        raise PictureError("not enough memory to decode it") from None
    except Image.DecompressionBombError:
        raise PictureError(f"more than {MAX_PIXELS:,} pixels") from None
    except Exception:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more
        raise PictureError("not a picture that can be decoded") from None


def decode(data: bytes) -> Image.Image:
    """A stored thumbnail as an RGB picture.

    Raises:
        PictureError: it is none, or larger than a snapshot's pictures may be; then only its
            header was read.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            if max(image.size) > MAX_IMAGE_SIZE:
                width, height = image.size
                raise PictureError(
                    f"{width} x {height}: a stored picture has sides of {MAX_IMAGE_SIZE} at most"
                )
            return image.convert("RGB")
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(str(error)) from None
    except Exception as error:  # decoders raise whatever they like
        raise PictureError(f"cannot be decoded: {error or type(error).__name__}") from None


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise PictureError("not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise PictureError(f"file larger than {MAX_FILE_BYTES >> 20} MiB")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise PictureError("file is gone since it was ingested") from None
    except (OSError, ValueError):
        raise PictureError("file cannot be read") from None


def _shrink(data: bytes, size: int) -> bytes:
    with Image.open(io.BytesIO(data), formats=_formats()) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PictureError(f"more than {MAX_PIXELS:,} pixels")
        # Metadata can outweigh the picture; then the copy would not be a small one. The bytes are
        # those that the ingest has decoded to the end, so a picture that is kept is not decoded.
        small_file = len(data) <= 3 * width * height + 65_536
        if max(width, height) <= size and small_file and _is_plain(image):
            return data
        if image.format in ("JPEG", "MPO"):  # decode at a fraction of the size where that is enough
            image.draft(None, (3 * size, 3 * size))
        image.load()
        small = _as_rgb_or_grey(_upright(image))
    small.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return _encode(small)


def _is_plain(image: Image.Image) -> bool:
    return (
        image.format in ("JPEG", "PNG")
        and image.mode in ("RGB", "L")
        and getattr(image, "n_frames", 1) == 1
        and "transparency" not in image.info
        and "exif" not in image.info  # it turns pictures, and tells where they were taken
    )


def _upright(image: Image.Image) -> Image.Image:
    with suppress(Exception):  # a broken EXIF block is no reason to lose the picture
        return ImageOps.exif_transpose(image)
    return image


def _as_rgb_or_grey(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        values = np.asarray(image, dtype=np.float64)
        values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=0.0)
        high = values.max(initial=0.0)
        scale = 255 / 65_535 if high > 255 else 1.0
        if image.mode == "F" and _is_of_one(values, high):
            scale = 255.0
        return Image.fromarray(np.clip(values * scale, 0, 255).round().astype(np.uint8))
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def _is_of_one(values: np.ndarray, high: float) -> bool:
    """Whether floats go from 0 to 1, as scientific files have them, highlights somewhat beyond."""
    return high <= 1.0 or (high <= 4.0 and bool((values % 1).any()))


def _encode(image: Image.Image) -> bytes:
    out = io.BytesIO()
    pixels = image.width * image.height
    if pixels <= _SMALL_PIXELS or image.getcolors(_GRAPHIC_COLOURS) is not None:
        image.save(out, "PNG", optimize=False, compress_level=9)
    else:
        image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True)
    return out.getvalue()
