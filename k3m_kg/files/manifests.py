"""Manifests: folders whose files are listed by size and hash, and checked when they are read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from k3m_kg import __version__
from k3m_kg.errors import ArtifactError


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The JSON in `path`.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError("no such file", where=str(path)) from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"cannot be read: {error}", where=str(path)) from None


def described_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of every file in a folder, by its path there: what `read_manifest` checks."""
    return {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": file_hash(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_manifest(path: Path, name: str, newest: int, *, hint: str) -> dict[str, Any]:
    """The manifest `name` of an artifact folder, every file that it lists checked.

    Args:
        newest: the newest format that is understood.
        hint: what to do where no manifest is there.

    Raises:
        ArtifactError: missing, of a newer format, or a file is missing, truncated or changed.
    """
    if not (path / name).is_file():
        what = "this is no artifact" if path.exists() else "no such artifact"
        raise ArtifactError(what, where=str(path), hint=hint)
    record: dict[str, Any] = read_json(path / name)
    if record.get("format", 0) > newest:
        raise ArtifactError(
            f"written by k3m-kg {record.get('k3m_kg')}, which is newer than {__version__}",
            where=str(path),
            hint="upgrade k3m-kg",
        )
    for listed, expected in record["files"].items():
        file = path / listed
        if not file.is_file():
            raise ArtifactError("this file of the artifact is missing", where=str(file))
        size = file.stat().st_size
        if size != expected["bytes"]:
            raise ArtifactError(
                f"holds {size} bytes instead of {expected['bytes']}: it was truncated or changed",
                where=str(file),
                hint="copy the artifact again, or train it again",
            )
        if file_hash(file) != expected["sha256"]:
            raise ArtifactError("its content was changed since training", where=str(file))
    return record
