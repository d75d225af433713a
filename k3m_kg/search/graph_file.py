"""The file of usearch's index, checked: the library follows every number in it.

Vectors (rows, bytes of one, then all of them); a head of 64 bytes; five numbers of the graph; the
level of each node; and the nodes: key, level, and for each level up to its own a count and room for
so many places of neighbours. N nodes.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_SHAPE = struct.Struct("<II")
_HEAD = struct.Struct("<7s6x4B3Q?")
_HEAD_ROOM = 64
_GRAPH = struct.Struct("<5Q")
_MAGIC = b"usearch"
_KINDS = (ord("c"), 12, 14, 15)
"""Cosines of 16-bit numbers; keys of 64 bits, places of 32."""
_NODE = 10
_PLACE = 4
_MOST_NEIGHBOURS, _MOST_LEVELS = 1 << 10, 64
_AT_ONCE = 1 << 14


def wrong_in_graph(path: Path, width: int, count: int) -> str | None:
    """What is wrong with the file of an index of so many vectors; None where all of it fits.

    Takes about two seconds for a million vectors.

    Raises:
        OSError: it cannot be read.
    """
    if path.stat().st_size < _SHAPE.size + _HEAD_ROOM + _GRAPH.size:
        return "it is too short"
    data = np.memmap(path, np.uint8, "r").view(np.ndarray)
    rows, row_bytes = _SHAPE.unpack(data[: _SHAPE.size].tobytes())
    place = _SHAPE.size + rows * row_bytes
    if row_bytes != 2 * width or place + _HEAD_ROOM + _GRAPH.size > len(data):
        return "it holds other vectors"
    head = data[place : place + _HEAD_ROOM].tobytes()
    magic, *kinds, present, gone, dimensions, multi = _HEAD.unpack(head[: _HEAD.size])
    if magic != _MAGIC or tuple(kinds) != _KINDS or dimensions != width or multi:
        return "it is of another kind"
    place += _HEAD_ROOM
    size, room, base_room, highest, entry = _GRAPH.unpack(
        data[place : place + _GRAPH.size].tobytes()
    )
    place += _GRAPH.size
    if size != rows or present != count or present + gone != size:
        return "its counts do not fit"
    if not (0 < room <= _MOST_NEIGHBOURS and 0 < base_room <= _MOST_NEIGHBOURS):
        return "its nodes have another form"
    if place + 2 * size > len(data):
        return "it was cut off"
    levels_N = data[place : place + 2 * size].view("<i2").astype(np.int64)
    place += 2 * size
    if size and (levels_N.min() < 0 or levels_N.max() != highest or highest > _MOST_LEVELS):
        return "its levels do not fit"
    if size and (entry >= size or levels_N[entry] != highest):
        return "it begins at another node"
    lengths_N = _NODE + _PLACE * (1 + base_room + levels_N * (1 + room))
    if place + int(lengths_N.sum()) != len(data):
        return "its nodes do not fit its size"
    starts_N = place + np.cumsum(lengths_N) - lengths_N
    return _wrong_in_nodes(data, starts_N, levels_N, room, base_room)


def _wrong_in_nodes(
    data: np.ndarray, starts_N: np.ndarray, levels_N: np.ndarray, room: int, base_room: int
) -> str | None:
    for start in range(0, len(starts_N), _AT_ONCE):
        some = starts_N[start : start + _AT_ONCE]
        said_N1 = _numbers(data, some + _NODE - 2, 1, "<i2")
        if (said_N1[:, 0] != levels_N[start : start + _AT_ONCE]).any():
            return "a node is of another level"
    at_N = starts_N + _NODE
    for level in range(int(levels_N.max(initial=-1)) + 1):
        places = base_room if level == 0 else room
        there = np.flatnonzero(levels_N >= level)
        for start in range(0, len(there), _AT_ONCE):
            found = _numbers(data, at_N[there[start : start + _AT_ONCE]], 1 + places, "<u4")
            used = np.arange(places) < found[:, :1]
            if (found[:, 0] > places).any() or (found[:, 1:][used] >= len(starts_N)).any():
                return "a neighbour is not there"
            if (levels_N[found[:, 1:][used]] < level).any():  # the library would read past it
                return "a neighbour is not of its level"
        at_N = at_N + _PLACE * (1 + places)
    return None


def _numbers(data: np.ndarray, at_N: np.ndarray, count: int, kind: str) -> np.ndarray:
    """(N, count) of the numbers that begin at some bytes, which need not be aligned."""
    step = np.dtype(kind).itemsize * count
    bytes_ = data[at_N[:, None] + np.arange(step)]
    return np.ascontiguousarray(bytes_).view(kind).astype(np.int64)
