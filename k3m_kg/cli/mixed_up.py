"""What a path is that was given where something else was wanted, and which command takes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from k3m_kg.errors import (
    ArtifactError,
    CatalogError,
    ConfigError,
    GraphError,
    K3MError,
    SnapshotError,
    UsageError,
    listed,
)

_CATALOGS = {
    ".csv", ".tsv", ".jsonl", ".xlsx", ".xls", ".ods", ".parquet", ".xml", ".nt", ".ttl", ".rdf",
}  # fmt: skip
_RUN_KEYS, _MAPPING_KEYS = {"snapshot", "output", "training"}, {"id", "title", "properties"}
_HEAD = 65_536
_LOOKED_AT = 1000

_KINDS: dict[str, tuple[tuple[type[K3MError], ...], str]] = {
    "artifact": (
        (ArtifactError,),
        "is an artifact, a trained model: `k3m-kg evaluate`, `complete`, `classify`, `audit`, "
        "`embed`, `match`, `search` and `report` take it",
    ),
    "run": (
        (ArtifactError,),
        "is a training that has not ended: the same `k3m-kg pretrain` with --resume goes on",
    ),
    "snapshot": (
        (SnapshotError,),
        "is a snapshot: `k3m-kg pretrain` and `kge train` learn from it, other commands take it "
        "as --snapshot",
    ),
    "database": (
        (GraphError,),
        "is a database: commands about the graph take it as --db sqlite:///{path}, and `k3m-kg "
        "snapshot` cuts what models learn from",
    ),
    "run config": (
        (ConfigError,),
        "is a run config: `k3m-kg pretrain` takes it",
    ),
    "mapping": (
        (ConfigError, CatalogError),
        "is a mapping file: `k3m-kg ingest FILE --mapping {path}` takes it",
    ),
    "catalog": (
        (CatalogError,),
        "is a catalog file by its name: `k3m-kg ingest` takes it",
    ),
}
"""By what a path is: the errors that are about such a thing, and what to say in another one."""


def explained(error: K3MError) -> K3MError:
    """The error, with what the path in it is if it is something else than was wanted.

    What is known of it already stays. A file that is only named as a catalog is explained where
    nothing else is said: it may be meant, such as a source without a mapping.
    """
    if error.where is None or "\0" in error.where or "written" in error.message:
        return error
    path = Path(error.where)
    kind = kind_of(path)
    if kind is None and isinstance(error, ArtifactError):
        with suppress(OSError, ValueError):
            _name_artifacts(error, path)
    if kind is None:
        return error
    own, said = _KINDS[kind]
    # Wrong use in general may be about a path that is all right, such as an output.
    in_general = type(error) is UsageError and "no known format" not in error.message
    if (isinstance(error, own) and not _wanted_other(error, kind)) or in_general:
        return error
    if kind == "catalog" and error.hint is not None:
        return error
    told = f"{path} {said.format(path=path)}"
    error.hint = told if error.hint is None else f"{error.hint}\n  {told}"
    return error


def _name_artifacts(error: K3MError, folder: Path) -> None:
    """Say which artifacts are in a folder that is none itself."""
    if not folder.is_dir():
        return
    inside = (path for path in islice(folder.iterdir(), _LOOKED_AT) if path.is_dir())
    found = sorted(str(path) for path in inside if _kind_of_folder(path) == "artifact")
    if found:
        told = f"it holds {'artifacts' if len(found) > 1 else 'the artifact'}: {listed(found)}"
        error.hint = told if error.hint is None else f"{told}\n  {error.hint}"


def _wanted_other(error: K3MError, kind: str) -> bool:
    """Whether a config was read as a config of another kind: its keys are unknown."""
    return kind in ("run config", "mapping") and "unknown" in error.message


def kind_of(path: Path) -> str | None:
    """What a path is, if it is something of ours, or named as a catalog is.

    What cannot be looked into is nothing that is known: who reads it says why.
    """
    with suppress(OSError, ValueError):
        return _kind_of_path(path)
    return None


def _kind_of_path(path: Path) -> str | None:
    if path.is_dir():
        return _kind_of_folder(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"SQLite format 3"):
        return "database" if _holds_runs(path) else None
    if path.suffix in (".yaml", ".yml"):
        text = head.decode("utf-8", "replace")
        keys = {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
        if len(keys & _RUN_KEYS) > 1:
            return "run config"
        return "mapping" if "id" in keys and keys & _MAPPING_KEYS - {"id"} else None
    return "catalog" if path.suffix.lower() in _CATALOGS else None


def _holds_runs(path: Path) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE name = 'ingest_runs'"
    url = path.absolute().as_uri() + "?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(url, uri=True)) as known:
        return bool(known.execute(query).fetchall())
    return False


def _kind_of_folder(path: Path) -> str | None:
    from k3m_kg.plugin.hookspecs import LinkPredictorPlugin
    from k3m_kg.plugin.registry import registry
    from k3m_kg.snapshot.layout import LATEST, MANIFEST

    for item in registry().installed(LinkPredictorPlugin.kind):
        assert isinstance(item.record, LinkPredictorPlugin)
        if (path / item.record.manifest).is_file():
            return "artifact"
    if (path / MANIFEST).is_file() or (path / LATEST).is_file():
        return "snapshot"
    return "run" if path.suffix == ".run" and (path / "checkpoint").exists() else None
