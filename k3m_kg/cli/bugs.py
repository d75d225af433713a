"""The last net: an error that nobody foresaw is a bug, and ends in one line and a file."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
import traceback
from contextlib import suppress

from k3m_kg import __version__

EXIT_CODE = 3
"""Of a bug, and of nothing else: a test that sees it has failed."""
_SHOWN = 200


def report(bug: BaseException) -> str:
    """Write the traceback to a new file; what to tell the user."""
    said = " ".join(str(bug).split())[:_SHOWN]
    what = f"{type(bug).__name__}: {said}" if said else type(bug).__name__
    path = _write("".join(traceback.format_exception(bug)))
    where = f"the traceback is in {path}" if path else "K3M_KG_TRACEBACK=1 shows the traceback"
    return f"this is a bug in k3m-kg: {what}; {where}; please report it: {_address()}"


def _write(text: str) -> str | None:
    """The file, readable by its owner only; no arguments in it, which may hold passwords."""
    head = f"k3m-kg {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
    with suppress(OSError):
        descriptor, path = tempfile.mkstemp(prefix="k3m-kg-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(head + text)
        return path
    return None


def _address() -> str:
    """Where the installed package says that bugs go."""
    with suppress(importlib.metadata.PackageNotFoundError):
        lines: list[str] = importlib.metadata.metadata("k3m-kg").get_all("Project-URL") or []
        urls = dict(line.split(", ", 1) for line in lines)
        for name in ("Issues", "Bug Tracker", "Repository", "Homepage"):
            if name in urls:
                return urls[name]
    return "to those from whom you have k3m-kg"
