"""What the system says of a failed write, as one message with advice."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k3m_kg.errors import K3MError

_SPACE = "free some space, or choose a place on another disk"
_PERMISSION = "choose a place that you may write to"
_ADVICE = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: _PERMISSION,
    errno.ENOENT: "make its folder first, or choose another place",
    errno.ENOTDIR: "choose a folder, not a file",
    errno.EEXIST: "choose a folder, not a file",
    errno.ENOTEMPTY: "something is there already: choose another place",
    errno.EISDIR: "this is a folder: choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@contextmanager
def write_errors(
    path: Path, error: type[K3MError] = K3MError, *, hint: str | None = None
) -> Iterator[None]:
    """Turn an OSError of the block into `error`: `path` cannot be written, why, and what to do.

    A pipe that its reader closed is no such error and goes through.

    Args:
        hint: what to do, in place of the usual advice.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as failure:
        reason = os.strerror(failure.errno) if failure.errno else str(failure)
        raise error(
            f"cannot be written: {reason}",
            where=str(path),
            hint=hint or _ADVICE.get(failure.errno or 0),
        ) from failure
