"""PyKEEN creates a folder in the user's HOME on import, unless told of another place."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

VARIABLE = "PYSTOW_HOME"


def keep_home_clean() -> None:
    """Call before importing PyKEEN: gives it a folder that goes when the process does.

    A folder that the user chose by `PYSTOW_HOME` or `PYSTOW_NAME` stays.
    """
    if VARIABLE in os.environ or "PYSTOW_NAME" in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="k3m-kg-pykeen-")
    os.environ[VARIABLE] = folder
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not in a forked worker
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
