"""Remembering that files were examined and found good, so that it is done once.

A marker beside the files holds one hash over each file's name, size, inode and times of change:
of content (which can be set) and of the entry itself (which cannot). A file that is replaced,
copied or written to makes another hash, and a marker that does not match says nothing. Where no
marker can be written, the process remembers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from k3m_kg.errors import K3MError
from k3m_kg.files import ordinary, write_text

_RULES = 1
"""Another number where what is examined changes: then older markers say nothing."""
_REMEMBERED: set[str] = set()


def state_of(files: Iterable[Path]) -> str:
    """A hash (hex) over what the file system says of files.

    Raises:
        OSError: one is not there.
    """
    lines = [f"examined by rules {_RULES}"]
    for path in files:
        found = path.stat()
        times = f"{found.st_mtime_ns} {found.st_ctime_ns}"
        lines.append(f"{path.name} {found.st_size} {found.st_ino} {times}")
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def is_examined(marker: Path, state: str) -> bool:
    """Whether files in this state were examined, by this process or by one that left `marker`."""
    if state in _REMEMBERED:
        return True
    with suppress(OSError, ValueError), ordinary(marker).open("rb") as stream:
        return stream.read(len(state) + 2) == f"{state}\n".encode()
    return False


def remember(state: str, marker: Path | None = None) -> None:
    """That files in this state are good; in `marker` too, where it can be written.

    Not through a link, which may have come with the files and lead to one of the user's.
    """
    _REMEMBERED.add(state)
    if marker is not None and not marker.is_symlink():
        with suppress(OSError, K3MError):
            marker.parent.mkdir(parents=True, exist_ok=True)
            write_text(marker, f"{state}\n", named=False)
