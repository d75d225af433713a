"""What is read from a folder that may come from others: ordinary files alone."""

from __future__ import annotations

import errno
import stat
from pathlib import Path


def ordinary(path: Path) -> Path:
    """The same path, of an ordinary file: a device may never end, and a pipe may never begin.

    Raises:
        OSError: nothing is there, or something else.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is no ordinary file", str(path))
    return path
