"""Looks into picture files: do they decode, how large are they, what is their hash."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from PIL import Image, UnidentifiedImageError

from k3m_kg.graph.stored import CheckedImage, LocatedImage

MAX_PIXELS = 64_000_000
MIN_SIDE = 8
MAX_FILE_BYTES = 128 << 20
# Only formats that Pillow decodes itself: for EPS and the like it would start other programs.
# JPEG includes MPO, which Pillow opens through the same factory and registers under no name.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


_HEADS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def looks_like_picture(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a format that is read; 16 are enough."""
    riff = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_HEADS) or riff or head[4:12] in (b"ftypavif", b"ftypavis", b"ftypmif1")


class ImageChecker:
    """Checks pictures on a pool of threads; a context manager."""

    def __init__(self, threads: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, "k3m-kg-images")

    def __call__(self, images: Sequence[LocatedImage]) -> list[CheckedImage]:
        """One result for each picture, in order; every picture must have a path."""
        return list(self._pool.map(lambda image: check_image(Path(str(image.path))), images))

    def __enter__(self) -> ImageChecker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


def check_image(path: Path) -> CheckedImage:
    """Hash and size of a picture whose first frame decodes to the end, or what is wrong with it.

    Any colour mode is fine. Refused before anything is decoded: more than 64 megapixels, a side
    under 8 pixels, a file over 128 MiB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            return CheckedImage(error=f"file larger than {MAX_FILE_BYTES >> 20} MiB")
        width, height = _decode(data)
    except _Refused as error:
        return CheckedImage(error=str(error))
    except UnidentifiedImageError:
        return CheckedImage(error="not a picture in a format that is read")
    except Exception as error:
        # Decoders meet hostile bytes and raise whatever they like; each means the same to us.
        return CheckedImage(error=f"does not decode: {str(error) or type(error).__name__}"[:300])
    return CheckedImage(hashlib.sha256(data).hexdigest(), width, height)


class _Refused(Exception):  # noqa: N818  (never leaves this module)
    pass


def _decode(data: bytes) -> tuple[int, int]:
    if not data:
        raise _Refused("the file is empty")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _Refused(f"more than {MAX_PIXELS // 1_000_000} megapixels") from None
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _Refused(f"{width} x {height}: more than {MAX_PIXELS // 1_000_000} megapixels")
        if min(width, height) < MIN_SIDE:
            raise _Refused(f"{width} x {height}: a side under {MIN_SIDE} pixels")
        # A JPEG is read to its end at an eighth of its size: cheaper, and just as strict.
        image.draft("L", (width // 8, height // 8))
        image.load()
    return width, height


# Between Pillow's limit for a warning and its limit for an error our own limit speaks.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
