"""Files that are complete or absent: staged folders, checked reads, hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from k3m_kg import __version__
from k3m_kg.errors import ArtifactError, K3MError


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A folder to fill; on success it replaces `target` in one rename, else nothing changes.

    Raises:
        ArtifactError: the folder cannot be written (full disk, no permission).
    """
    staging: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        staging.chmod(0o755)  # mkdtemp keeps others out, who may well read an artifact
        yield staging
        for path in staging.rglob("*"):
            if path.is_file():
                _sync(path)
        old = target.with_name(f".{target.name}-old")
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise ArtifactError(
            f"cannot be written: {error.strerror or error}",
            where=str(target),
            hint="free some space or choose another output",
        ) from None
    except SafetensorError as error:
        raise ArtifactError(f"cannot be written: {error}", where=str(target)) from None
    finally:
        if staging is not None and staging.exists():
            shutil.rmtree(staging, ignore_errors=True)


def recover(target: Path) -> None:
    """Finish a replacement that was killed between its two renames."""
    old = target.with_name(f".{target.name}-old")
    if old.exists() and not target.exists():
        old.rename(target)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place in the end, or goes.

    Raises:
        K3MError: it cannot be written.
    """
    staging = path.with_name(f".{path.name}.part")
    try:
        yield staging
        staging.replace(path)
    except OSError as error:
        raise K3MError(f"cannot be written: {error.strerror or error}", where=str(path)) from None
    finally:
        staging.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


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
