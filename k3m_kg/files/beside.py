"""What lies beside a file or folder, called as it is with an ending: caches, runs, reports."""

from __future__ import annotations

from pathlib import Path


def beside(path: Path, ending: str) -> Path:
    """`models/a` and `.run` are `models/a.run`.

    However the path is written: `.` and `..` are folders that have a name, too.
    """
    if path.name in ("", ".."):
        path = path.resolve()
    return path.parent / f"{path.name}{ending}"
