"""A grid's folder, and whether cells of another grid lie there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from k3m_kg.config import validate_settings
from k3m_kg.errors import ArtifactError, UsageError
from k3m_kg.files import whole_file
from k3m_kg.manifests import read_json, write_json
from k3m_kg.robustness.settings import GridMark, GridPaths, GridSettings
from k3m_kg.snapshot import Snapshot


def mark_of(snapshot: Snapshot, config: dict[str, Any], settings: GridSettings) -> GridMark:
    """What a grid's folder is begun with, but for its models."""
    return GridMark(
        snapshot=snapshot.id,
        config=hash_of(config),
        products=settings.products,
        corrupt_seed=settings.corrupt_seed,
    )


def is_begun(folder: Path) -> bool:
    """Whether a grid lies there.

    Raises:
        UsageError: something else does.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("is not a folder", where=str(folder))
    if not folder.exists() or not any(folder.iterdir()):
        return False
    if not GridPaths(folder).mark.exists():
        raise UsageError(
            "holds something else than a grid",
            where=str(folder),
            hint="name a new folder with --out",
        )
    return True


def refuse_another(folder: Path, mark: GridMark) -> None:
    """Find no grid there, or one that this one goes on with.

    Raises:
        UsageError: it is of another snapshot, config or model, or something else lies there.
    """
    if is_begun(folder) and (what := _differs(_mark_of(GridPaths(folder)), mark)):
        raise UsageError(
            f"holds a grid of another {what}",
            where=str(folder),
            hint="--fresh begins anew there; or name another folder with --out",
        )


def begin(paths: GridPaths, mark: GridMark, *, fresh: bool) -> None:
    """Let the folder be of this grid.

    Raises:
        UsageError: it is of another, or something else lies there.
    """
    if is_begun(paths.folder):
        before = _mark_of(paths)
        if fresh:
            shutil.rmtree(paths.folder)
        else:
            refuse_another(paths.folder, mark)
            mark = mark.model_copy(update={"models": before.models | mark.models})
    paths.folder.mkdir(parents=True, exist_ok=True)
    with whole_file(paths.mark) as staging:
        write_json(staging, mark.model_dump())


def _mark_of(paths: GridPaths) -> GridMark:
    try:
        return validate_settings(GridMark, read_json(paths.mark), str(paths.mark))
    except ArtifactError as error:
        raise UsageError(error.message, where=error.where) from None


def _differs(before: GridMark, now: GridMark) -> str | None:
    for key in ("snapshot", "config", "products", "corrupt_seed"):
        if getattr(before, key) != getattr(now, key):
            return {"products": "number of products", "corrupt_seed": "corruption seed"}.get(
                key, key
            )
    for name in before.models.keys() & now.models.keys():
        if before.models[name] != now.models[name]:
            return f"model {name}"
    return None


def _apart(config: dict[str, Any]) -> dict[str, Any]:
    """A config without where things lie and how many threads there are."""
    kept = {key: value for key, value in config.items() if key not in ("snapshot", "output")}
    training = dict(kept.get("training", {}))
    for key in ("seed", "threads", "device"):
        training.pop(key, None)
    return kept | {"training": training}


def hash_of(config: dict[str, Any]) -> str:
    """SHA-256 of what a config says of a model, wherever things lie."""
    value = _apart(config)
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
