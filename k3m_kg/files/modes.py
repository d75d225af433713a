"""Permissions of files that a library writes."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def usual_mode(path: Path) -> Iterator[None]:
    """The block writes `path`, which then has the permissions of any new file.

    safetensors writes beside it and renames, and what it renames is for its owner alone. The umask
    is asked by making a file: it cannot be read without being set, for all threads.
    """
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    yield
    path.chmod(mode)
