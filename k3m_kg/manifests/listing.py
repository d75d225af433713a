"""Manifests: folders whose files are listed by size and hash, and checked when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from k3m_kg import __version__
from k3m_kg.errors import ArtifactError
from k3m_kg.files import ordinary
from k3m_kg.manifests.records import HINT, Count, as_record, read_record


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with ordinary(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    return read_record(path, dict[str, Any])


def described_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of every file in a folder, by its path there: what `read_manifest` checks."""
    return {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": file_hash(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class _Listed(BaseModel):
    model_config = ConfigDict(strict=True)
    bytes: Count
    sha256: str


class _Manifest(BaseModel):
    """What every manifest says; those of one kind say more."""

    model_config = ConfigDict(strict=True, extra="allow")
    format: Count
    k3m_kg: str = "unknown"
    snapshot: str | None = None
    files: dict[str, _Listed]


def read_manifest(
    path: Path, name: str, newest: int, *, hint: str, needs: Sequence[str] = ()
) -> dict[str, Any]:
    """The manifest `name` of an artifact folder, every file that it lists checked.

    Args:
        newest: the newest format that is understood.
        hint: what to do where no manifest is there.
        needs: files that will be read, which it must list; of a folder, every file in it.

    Raises:
        ArtifactError: missing, of a newer format, or a file is missing, truncated, changed, not
            listed or not in the folder.
    """
    try:
        if not (path / name).is_file():
            what = "this is no artifact" if path.exists() else "no such artifact"
            raise ArtifactError(what, where=str(path), hint=hint)
        record = read_json(path / name)
        version = record.get("format")
        if type(version) is int and version > newest:
            raise ArtifactError(
                f"written by k3m-kg {record.get('k3m_kg')}, which is newer than {__version__}",
                where=str(path),
                hint="upgrade k3m-kg",
            )
        manifest = as_record(record, _Manifest, str(path / name))
        for listed, expected in manifest.files.items():
            _check_listed(path, name, listed, expected)
        for needed in needs:
            _check_needed(path, needed, manifest.files)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArtifactError(f"cannot be read: {reason}", where=str(path)) from None
    return record


def _check_listed(folder: Path, manifest: str, listed: str, expected: _Listed) -> None:
    parts = listed.split("/")
    if "\0" in listed or any(part in ("", ".", "..") for part in parts):
        where = str(folder / manifest)
        raise ArtifactError(f"{listed[:80]!r} is no file of this folder", where=where, hint=HINT)
    file = folder / listed
    if not file.is_file():
        raise ArtifactError("this file of the artifact is missing", where=str(file))
    size = file.stat().st_size
    if size != expected.bytes:
        raise ArtifactError(
            f"holds {size} bytes instead of {expected.bytes}: it was truncated or changed",
            where=str(file),
            hint=HINT,
        )
    if file_hash(file) != expected.sha256:
        raise ArtifactError("its content was changed since training", where=str(file))


def _check_needed(folder: Path, needed: str, listed: dict[str, _Listed]) -> None:
    place = folder / needed
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    for file in files:
        if not file.is_dir() and str(file.relative_to(folder)) not in listed:
            raise ArtifactError("the manifest does not list this file", where=str(file), hint=HINT)
