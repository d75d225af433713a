"""Mapping .npy files that may have been manipulated.

numpy evaluates the header as a Python literal and takes its shape at its word; here the header
must be the one that numpy writes for plain little-endian numbers, and fit the size of the file.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from k3m_kg.files import ordinary

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    r"\{'descr': '([<|][biuf][1248])', 'fortran_order': False, "
    r"'shape': \((|[0-9]{1,19},|[0-9]{1,19}(?:, [0-9]{1,19}){1,7})\), \} *\n"
)


def map_npy(path: Path) -> np.ndarray:
    """The array in a file, mapped and read-only; any number of dimensions up to 8.

    Raises:
        OSError: the file cannot be opened or mapped.
        ValueError: it is no such file, with the reason.
    """
    with ordinary(path).open("rb") as stream:
        start = stream.read(10)
        length = int.from_bytes(start[8:10], "little")
        found = _HEADER.fullmatch(stream.read(length).decode("latin-1"))
        size = stream.seek(0, 2)
    if start[:8] != _MAGIC or found is None:
        raise ValueError("no array of numbers")
    dtype = np.dtype(found[1])
    shape = tuple(int(part) for part in found[2].split(",") if part)
    if 10 + length + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{size:,} bytes do not fit the shape {shape}")
    mapped = np.memmap(path, dtype, "r", offset=10 + length, shape=shape)
    return mapped.view(np.ndarray)
