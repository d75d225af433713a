"""UTF-8 whatever the locale says: catalogs hold every script, and JSON, CSV and RDF are UTF-8."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress


def restart_in_utf8() -> None:
    """Begin again in Python's UTF-8 mode where the locale is another, such as `LANG=C`.

    Only from its start is Python in that mode, in which arguments, file names, standard streams
    and the processes that are started agree. Done once at most.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    with suppress(OSError):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def prepare_streams() -> None:
    """Let standard streams take any text: UTF-8, and an escape where that cannot be.

    A terminal keeps its encoding, and so does who set `PYTHONIOENCODING`.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        asked = stream.isatty() or "PYTHONIOENCODING" in os.environ
        encoding = stream.encoding if asked else "utf-8"
        errors = "strict" if stream is sys.stdin else "backslashreplace"
        stream.reconfigure(encoding=encoding, errors=errors)
