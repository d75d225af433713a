"""Changes that nobody would make by accident alone: to bytes, to JSON, to YAML, to arrays."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .counts import START, count


def attempts(few: int) -> range:
    """The numbers of the inputs to try, each a seed; CI tries `few`."""
    return range(START, START + count(few))


_NUMBERS = (0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), 10**40, 1.5, -0.0, 1e308)
_TEXTS = ("", "\0", "..", "/etc/passwd", "../../x", "a" * 5_000, "é", "\u202e", "{}", "nan", "<<")
_PIECES = (b"", b"\0" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"[" * 9_000, b'{"a":' * 3_000)
_RAW = ("1e400", "-1e400", "NaN", "Infinity", '"\\ud800"', "9" * 5_000, "[" * 500 + "]" * 500)


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    """Some bytes set, cut, repeated or put in."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        place = rng.randrange(len(out) + 1) if out else 0
        kind = rng.randrange(5)
        if kind == 0 and place < len(out):
            out[place] = rng.randrange(256)
        elif kind == 1 and place < len(out):
            out[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del out[place : place + rng.choice((1, 8, 100, len(out)))]
        elif kind == 3:
            out[place:place] = rng.choice(_PIECES)
        else:
            out[place : place + 8] = rng.choice(_NUMBERS[:8]).to_bytes(16, "little", signed=True)[
                :8
            ]
    return bytes(out)


def change_words(data: bytes, rng: random.Random) -> bytes:
    """One aligned number of 4 or 8 bytes replaced: an offset, a length, an id. Size stays."""
    width = rng.choice((4, 8))
    if len(data) < width:
        return data
    place = rng.randrange(len(data) // width) * width
    number = rng.choice((-1, -8, 0, 1, 7, 2**31 - 1, -(2**31), rng.getrandbits(31), len(data)))
    return data[:place] + number.to_bytes(width, "little", signed=True) + data[place + width :]


def change_json(data: bytes, rng: random.Random) -> bytes:
    """A value somewhere replaced, removed, doubled or renamed; or the text itself changed."""
    if rng.random() < 0.15:
        return change_bytes(data, rng)
    value = [json.loads(data)]
    holder: Any = value
    key: Any = 0
    while isinstance(holder[key], list | dict) and holder[key] and rng.random() < 0.8:
        holder = holder[key]
        key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    raw = None
    kind = rng.randrange(6)
    if kind == 0 and holder is not value:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(_TEXTS)] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.append(holder[key])
    elif kind == 3:
        raw = rng.choice(_RAW)
        holder[key] = "@RAW@"
    else:
        others = (None, True, [], {}, [[]], [-1], {"a": 1}, *_NUMBERS, *_TEXTS)
        holder[key] = rng.choice(others)
    text = json.dumps(value[0] if value else None)
    return text.replace('"@RAW@"', raw or "").encode("utf-8", "surrogatepass")


_YAML = (
    "<<: *x", "&a [*a]", "!!int xx", "!!python/name:os.system ''", "[" * 3_000, "0b_", "9" * 10_000,
    "2011-02-31", "1e400", "-1", "1600000", "99999999999999999999", "~", "no", "''", '"\\ud800"',
    '"\\0"', '"\\UFFFFFFFF"', "{}", "[]", "[[]]", ".nan", ".inf", "../../..", "*x", "? [a]",
    "1_000", "!!binary aGk=", "!!set {a}", "- - - -", "|\n  x", "%YAML 9.9", "---",
    "\t", "é", "\x7f",
)  # fmt: skip


def change_yaml(data: bytes, rng: random.Random) -> bytes:
    """A value or a line replaced by an awkward one, lines moved, or bytes changed."""
    if rng.random() < 0.2:
        return change_bytes(data, rng)
    lines = data.decode().split("\n")
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            lines[place] = lines[place].partition(":")[0] + ": " + rng.choice(_YAML)
        elif kind == 1:
            indent = len(lines[place]) - len(lines[place].lstrip())
            lines.insert(place, " " * indent + rng.choice(_YAML))
        elif kind == 2:
            lines[place] = " " * rng.randrange(5) + lines[place]
        elif kind == 3:
            lines.insert(rng.randrange(len(lines)), lines[place])
        else:
            del lines[place]
            lines = lines or [""]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def change_file(
    path: Path, rng: random.Random, *changes: Callable[[bytes, random.Random], bytes]
) -> None:
    """Rewrite a file with one of some changes."""
    path.write_bytes(rng.choice(changes)(path.read_bytes(), rng))
