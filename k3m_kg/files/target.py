"""Where something that is to be written will lie."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def target_of(path: Path) -> Path:
    """The path with links seen through, as the system would find it.

    `Path.resolve` drops `nosuch/..` where there is no such folder: the system finds nothing under
    that name, so that a check finds it free, and what is written would replace the current folder.

    Raises:
        OSError: it goes up from a folder that is not there.
        RuntimeError: links lead round in a circle.
    """
    for place, part in enumerate(path.parts):
        if part == ".." and place and not Path(*path.parts[:place]).exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path.resolve()
